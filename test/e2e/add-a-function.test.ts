/** Follows docs/add-a-function.md to the letter, in a copy of the project. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { expect, test } from "vitest";

import { build } from "./build.ts";
import { platformsOnly } from "./edge.ts";
import { root, startPlatform, temporaryFolder } from "./lossi.ts";

platformsOnly("the function that is added runs on a platform of this machine");

const LEFT_OUT = ["node_modules", "dist", ".git", ".lossi"];

function copyOfTheProject(): string {
  const copy = temporaryFolder();
  for (const name of readdirSync(root)) {
    if (!LEFT_OUT.includes(name)) cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  return copy;
}

type Step = { write?: string; into?: string; after?: string; sh?: true; text: string };

/** The fenced blocks of the page, each with what the sentence before it says to do. */
function steps(page: string): Step[] {
  const blocks = page.matchAll(/(?<before>[^\n]*)\n\n(?<indent> +)```(?<language>\w+)\n(?<body>[^]*?)\n\k<indent>```/g);
  return [...blocks].map(({ groups }) => {
    const { before = "", indent = "", language = "", body = "" } = groups ?? {};
    const text = `${body.replaceAll(new RegExp(`^${indent}`, "gm"), "")}\n`;
    const [, write] = /Write `([^`]+)`:$/.exec(before) ?? [];
    const [, into, after] = /In `([^`]+)`, after `([^`]+)`:$/.exec(before) ?? [];
    if (write !== undefined) return { write, text };
    if (into !== undefined && after !== undefined) return { into, after, text };
    if (language === "sh") return { sh: true, text };
    throw new Error(`the page does not say what to do with: ${text}`);
  });
}

function follow(step: Step, copy: string): void {
  if (step.write !== undefined) {
    mkdirSync(dirname(join(copy, step.write)), { recursive: true });
    writeFileSync(join(copy, step.write), step.text);
  } else if (step.into !== undefined && step.after !== undefined) {
    const file = join(copy, step.into);
    const [before, ...rest] = readFileSync(file, "utf8").split(`${step.after}\n`);
    expect(rest, `${step.into} has ${step.after} once`).toHaveLength(1);
    writeFileSync(file, `${before}${step.after}\n${indentedAs(rest[0] ?? "", step.text)}${rest[0]}`);
  } else {
    const { status, stderr } = spawnSync("sh", ["-ec", step.text], { cwd: copy, encoding: "utf8" });
    expect(status, stderr).toBe(0);
  }
}

/** As an editor does: what is pasted is indented like what follows. */
function indentedAs(following: string, text: string): string {
  const indentOf = (lines: string): string => /^ */.exec(lines)?.[0] ?? "";
  return text.replaceAll(new RegExp(`^${indentOf(text)}(?=.)`, "gm"), indentOf(following));
}

test("a function added by the page's steps passes its tests and answers", async () => {
  const copy = copyOfTheProject();
  const all = steps(readFileSync(join(root, "docs/add-a-function.md"), "utf8"));
  expect(all).toHaveLength(10);
  for (const step of all) follow(step, copy);

  const files = ["functions/greeter", "platform/manifests", "platform/crds", "shared/imports", "events", "api"];
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const checks = [
    [vitest, "run", "--project", "unit", ...files.map((file) => `test/${file}`)],
    [join(root, "node_modules/typescript/bin/tsc"), "-p", copy],
  ];
  for (const check of checks) {
    const { status, stdout, stderr } = spawnSync(process.execPath, check, { cwd: copy, encoding: "utf8" });
    expect(status, stdout + stderr).toBe(0);
  }
  build(copy);
  const lossi = await startPlatform({ project: copy });
  const answer = await lossi.call("GET", "/greeter/ada");
  expect(answer.text).toBe('{"output":{"text":"hello ada"}}');
}, 600_000);
