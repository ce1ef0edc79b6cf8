import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";

import { expect, test } from "vitest";

import { loadManifests } from "#platform/manifests/load.ts";
import { welcome } from "#platform/welcome.ts";

import { renderManifests } from "../../docs/manifests.ts";
import { renderRunRecord } from "../../docs/run-record.ts";

const root = join(import.meta.dirname, "../..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");
const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
const pages = [
  "README.md",
  ...readdirSync(join(root, "docs"))
    .filter((file) => file.endsWith(".md"))
    .map((file) => `docs/${file}`),
];

test.each(pages)("%s: every script it names exists", (page) => {
  for (const [, run, name = ""] of read(page).matchAll(/npm (run )?([a-z][a-z:]*)/g)) {
    if (run !== undefined || ["start", "test"].includes(name)) expect(Object.keys(scripts)).toContain(name);
  }
});

test.each(pages)("%s: every link leads somewhere", (page) => {
  for (const [, target = ""] of read(page).matchAll(/\]\(([^)#]+)\)/g)) {
    if (!target.startsWith("http")) expect(existsSync(join(root, dirname(page), target)), target).toBe(true);
  }
});

test.each(pages)("%s: every file and folder it names is there", (page) => {
  const ofAFunctionThatIsAnExample = /greeter/;
  for (const [, path = ""] of read(page).matchAll(
    /`((?:functions|shared|events|knative|platform|test|bench|docs)\/[^\s`*{]*)`/g,
  )) {
    if (!ofAFunctionThatIsAnExample.test(path)) expect(existsSync(join(root, path)), path).toBe(true);
  }
});

test("README: the quoted function is what the file says", () => {
  const quoted = /```ts\n([^]*?)```/.exec(read("README.md"))?.[1]?.trim() ?? "";
  expect(read("functions/logs/handle.ts")).toContain(quoted);
});

test("README: the output of npm start is what is printed", () => {
  const { resources, withoutEffect, unrunnable } = loadManifests(join(root, "knative/base"), { env: {} });
  const platform = {
    ports: [7600, 7601, 7602],
    gateway: "http://127.0.0.1:40413",
    resources,
    withoutEffect,
    unrunnable,
    schedules: () => [],
  };
  expect(read("README.md")).toContain(`\`\`\`text\n${welcome(platform, ".lossi")}\n\`\`\``);
});

test("README: the folder table has every folder", () => {
  const folders = readdirSync(root, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && !/^(\.|node_modules$|dist$)/.test(entry.name),
  );
  for (const { name } of folders) expect(read("README.md")).toContain(`| \`${name}/\``);
});

test("docs/run-record.schema.json is what the collector writes by; node docs/run-record.ts writes it", () => {
  expect(JSON.parse(read("docs/run-record.schema.json"))).toEqual(JSON.parse(renderRunRecord()));
});

test("docs/differences.md: every row names a test that is there", () => {
  const rows = read("docs/differences.md")
    .split("\n")
    .filter((line) => line.startsWith("| ") && !/^\| (Knative|-)/.test(line));
  expect(rows.length).toBeGreaterThan(10);
  for (const row of rows) {
    const [, file = "", title = ""] = /`(test\/[^`]+)`: (.+?) *\|$/.exec(row) ?? [];
    expect(existsSync(join(root, file)) && file, row).toBeTruthy();
    expect(
      ["test", "describe"].some((kind) => read(file).includes(`${kind}("${title}`)),
      row,
    ).toBe(true);
  }
});

test("docs/manifests.md is what the rules say; node docs/manifests.ts writes it", () => {
  expect(read("docs/manifests.md").trim()).toBe(renderManifests().trim());
});
