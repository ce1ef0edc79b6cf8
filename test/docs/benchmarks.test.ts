import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { MEASURES } from "../../bench/main.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/benchmarks.md"), "utf8");

/** The cells of each row of the table under a heading. */
function tableOf(title: string): string[][] {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${title}\n`)) ?? "";
  const lines = section.split("\n").filter((line) => line.startsWith("|"));
  return lines.slice(2).map((line) => line.split("|").map((cell) => cell.trim()));
}

test.each(Object.values(MEASURES))(
  "docs/benchmarks.md, $title: a figure for every row, beside its target",
  (measure) => {
    const found = tableOf(measure.title).map(([, name, figure, , , target]) => ({
      name,
      measured: /^\d/.test(figure ?? ""),
      target,
    }));
    expect(found).toEqual(
      measure.rows.map(({ name, target }) => ({ name, measured: true, target: target?.text ?? "" })),
    );
  },
);
