import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";

import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");

/** Which folders a folder may import from, beside itself. */
const MAY_IMPORT: Record<string, string[]> = {
  // The monitor says which version it is.
  functions: ["events", "shared", "package.json"],
  platform: ["shared"],
  api: ["shared"],
  // What a function shows and reads is the command's to show and check; it starts none.
  cli: ["events", "functions", "platform", "shared"],
  shared: [],
  events: [],
};
/** Bare packages a folder may import, where that is limited. */
const PACKAGES: Record<string, string[]> = { events: ["zod"] };

const files = Object.keys(MAY_IMPORT).flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => join(folder, file)),
);

test.each(files)("%s imports in one direction only", (file) => {
  const own = file.split("/")[0] ?? "";
  for (const [, specifier = ""] of readFileSync(join(root, file), "utf8").matchAll(/from "([^"]+)"/g)) {
    const target = specifier.startsWith(".")
      ? relative(root, join(root, dirname(file), specifier))
      : specifier.replace(/^#/, "");
    const folder = target.split("/")[0] ?? "";
    if (specifier.startsWith(".") || specifier.startsWith("#"))
      expect([own, ...(MAY_IMPORT[own] ?? [])], specifier).toContain(folder);
    else if (PACKAGES[own] !== undefined) expect(PACKAGES[own]).toContain(specifier);
    if (own === "functions" && folder === "functions") expect(target.split("/")[1], specifier).toBe(file.split("/")[1]);
  }
});

test("no function loads what describes it: api.ts is imported as a type", () => {
  for (const file of files.filter((file) => file.startsWith("functions/"))) {
    for (const [, kind, specifier = ""] of readFileSync(join(root, file), "utf8").matchAll(
      /^import (type )?.*from "([^"]+)"/gm,
    ))
      if (
        /\/(api|http\/describe|state\/task|automations\/described|dead-letter|shown-forward)\.ts$/.test(specifier) &&
        !file.endsWith("/api.ts")
      )
        expect(kind, `${file}: ${specifier}`).toBe("type ");
  }
});

test("process.env is read in one place, and by the platform and the command", () => {
  const readers = files.filter(
    (file) => /process\.env/.test(readFileSync(join(root, file), "utf8")) && !/^(platform|cli)\//.test(file),
  );
  expect(readers).toEqual(["shared/config.ts"]);
});
