/** The figures as Markdown: a table per measure, and the page `docs/benchmarks.md`. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";

import type { Figure, Measure, Row } from "./measure.ts";

const root = join(import.meta.dirname, "..");
const WIDTH = 120;

const COLUMNS = ["measure", "figure", "ratio", "over", "target", "met"];

/** One line per row, its columns lined up. */
export function renderTable({ rows }: Measure, figures: ReadonlyMap<string, Figure> = new Map()): string {
  const lines = [COLUMNS, ...rows.map((row) => cells(row, figures.get(row.name)))];
  const widths = COLUMNS.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const [head = "", ...body] = lines.map((line) => tableLine(line.map((cell, n) => cell.padEnd(widths[n] ?? 0))));
  return [head, tableLine(widths.map((width) => "-".repeat(width))), ...body].join("\n");
}

const tableLine = (cells: string[]): string => `| ${cells.join(" | ")} |`;

function cells({ name, unit, over = "", target }: Row, figure: Figure | undefined): string[] {
  if (figure === undefined) return [name, "not measured", "", "", target?.text ?? "", ""];
  const { value, ratio } = figure;
  const met = target === undefined ? "" : target.met(figure) ? "yes" : "no";
  const digits = unit === "%" || unit === "s" || (unit === "ms" && value < 10) ? 1 : 0;
  const compared = ratio === undefined ? ["", ""] : [ratio.toFixed(2), over];
  return [name, `${value.toFixed(digits)} ${unit}`, ...compared, target?.text ?? "", met];
}

export function renderPage(figures: ReadonlyMap<Measure, ReadonlyMap<string, Figure>>): string {
  const sections = [...figures].map(
    ([measure, found]) => `## ${measure.title}\n\n${wrap(measure.about)}\n\n${renderTable(measure, found)}`,
  );
  const judged = [...figures].flatMap(([{ rows }, found]) =>
    rows.flatMap(({ name, target }) => (target === undefined ? [] : [target.met(found.get(name) ?? UNKNOWN)])),
  );
  const memory = Math.round(totalmem() / 2 ** 30);
  const machine = `${new Date().toISOString().slice(0, 10)}, ${availableParallelism()} cores, ${memory} GiB. ${versions()}`;
  return (
    [
      "# Benchmarks",
      wrap(`What \`npm run bench -- --old-stack --write\` found: ${machine}`),
      wrap(`${judged.filter(Boolean).length} of ${judged.length} targets are met. ${HOW_TO_READ}`),
      ...sections,
      `## Not measured here\n\n${NOT_MEASURED.map((line) => `- ${line}`).join("\n")}`,
    ].join("\n\n") + "\n"
  );
}

const UNKNOWN = { value: Number.NaN };

const HOW_TO_READ = `Read the ratios. Absolute figures hold for this machine on this day, while whatever it compares took turns
  within the same seconds. A ratio stands beside what it is over. Nothing here decides a test: a target that is not met says
  so, and that is all.`;

const NOT_MEASURED = [
  "From zero pods on a real cluster beside a bare Node file: target, no difference that can be measured.",
];

/** Everything whose version matters; the Python packages are those that `bench/old-stack/requirements.txt` pins. */
function versions(): string {
  const packages = ["hono", "@hono/node-server", "zod", "pino", "@google-cloud/functions-framework", "faas-js-runtime"];
  const python = readFileSync(join(root, "bench/old-stack/requirements.txt"), "utf8").trim().split("\n");
  const all = [
    `Node ${process.version.slice(1)}`,
    ...packages.map((name) => `${name} ${versionOf(name)}`),
    `Python ${versionFrom("python3")}`,
    ...python.map((line) => line.replace(/\[.*\]/, "").replace("==", " ")),
    `redis-server ${versionFrom("redis-server")}`,
  ];
  return `Versions: ${all.join(", ")}.`;
}

const versionOf = (name: string): string =>
  (JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8")) as { version: string }).version;

const versionFrom = (program: string): string =>
  /\d+(\.\d+)+/.exec(spawnSync(program, ["--version"], { encoding: "utf8" }).stdout)?.[0] ?? "unknown";

/** Text in lines of at most {@link WIDTH}, however it was broken before. */
function wrap(text: string): string {
  const lines = [""];
  for (const word of text.trim().split(/\s+/)) {
    const line = `${lines.at(-1)} ${word}`.trim();
    if (line.length > WIDTH) lines.push(word);
    else lines[lines.length - 1] = line;
  }
  return lines.join("\n");
}
