import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { rightsOf } from "../contract/cluster-rights.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/security.md"), "utf8");

test("docs/security.md: the table has the rights that are tested on a real API server", () => {
  const places = { lossi: "lossi", imports: "forwarder-imports" };
  const rights = Object.entries(rightsOf).flatMap(([name, of]) =>
    of(places).map(({ namespace, group, resource, names = [], verbs }) =>
      [name, namespace, group, resource, names.join(", "), verbs.join(", ")].join(" | "),
    ),
  );
  const rows = page
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) =>
      line
        .replaceAll("`", "")
        .split("|")
        .slice(1, 7)
        .map((cell) => cell.trim())
        .join(" | "),
    );
  expect(rows).toEqual(rights);
});
