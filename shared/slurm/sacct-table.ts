/** The three tables sacct's rows come in: an object of rows, `--parsable2`, and columns of fixed width. */
import { isFields, shown, textsOf } from "./content.ts";
import type { Fields } from "./content.ts";
import type { Unreadable } from "./unreadable.ts";

/** A column and what stands in it; empty cells are left out. */
export type Cell = [column: string, value: string];

export type Table = { rows: [row: string, cells: Cell[]][]; unreadable: Unreadable[] };

/** `{"1": {"JobID": …}}`, as the submitter stores it. */
export function readDict(rows: Fields): Table {
  const table: Table = { rows: [], unreadable: [] };
  for (const [row, cells] of Object.entries(rows)) {
    const refuse = (column: string, value: string) => table.unreadable.push({ row, column, value });
    if (isFields(cells)) table.rows.push([row, textsOf(cells, refuse)]);
    else table.unreadable.push({ row, value: shown(cells) });
  }
  return table;
}

/** Cuts a line into as many cells as there are columns; `null` when it does not fit them. */
type Cut = (line: string) => string[] | null;

/**
 * Text with a heading that names JobID. Lines before it, and lines that do not fit it, are named whole: where one cell is out
 * of place, none can be trusted. A line is a string of bytes until its cells are cut, because sacct's columns count bytes.
 */
export function readTable(text: Buffer): Table {
  const lines = text
    .toString("latin1")
    .split("\n")
    .map(withoutReturn)
    .filter((line) => !isBlank(line));
  const heading = findHeading(lines);
  const table: Table = { rows: [], unreadable: lines.slice(0, heading?.first).map((line) => ({ value: utf8(line) })) };
  if (heading === null) return table;
  for (const [index, line] of lines.slice(heading.first + heading.lines).entries()) {
    const row = String(index + 1);
    const cells = heading.cut(line);
    if (cells === null) table.unreadable.push({ row, value: utf8(line) });
    else table.rows.push([row, filled(heading.columns, cells)]);
  }
  return table;
}

const filled = (columns: string[], cells: string[]): Cell[] =>
  columns.map((column, place): Cell => [column, cells[place] ?? ""]).filter(([, value]) => value !== "");

/** Not `trim`, which in a string of bytes takes the last byte of an `à` for a space. */
const isBlank = (bytes: string): boolean => /^[ \t]*$/.test(bytes);

const withoutReturn = (line: string): string => (line.endsWith("\r") ? line.slice(0, -1) : line);

const utf8 = (bytes: string): string => Buffer.from(bytes, "latin1").toString();

type Heading = { first: number; lines: number; columns: string[]; cut: Cut };

function findHeading(lines: string[]): Heading | null {
  for (const [first, line] of lines.entries()) {
    if (/(?:^|\|)JobID(?:\||$)/.test(line)) return { first, lines: 1, ...barred(line) };
    const rule = lines[first + 1] ?? "";
    if (/(?:^| )JobID /.test(line) && /^-[- ]*$/.test(rule)) return { first, lines: 2, ...fixed(line, rule) };
  }
  return null;
}

/** `--parsable2` does not escape `|`. Of all columns only a job's name may hold one, so what is too much belongs to it. */
function barred(heading: string): Pick<Heading, "columns" | "cut"> {
  const columns = utf8(heading).split("|");
  const name = columns.indexOf("JobName");
  const cut: Cut = (line) => {
    const cells = utf8(line).split("|");
    const extra = cells.length - columns.length;
    if (extra < 0 || (extra > 0 && name < 0)) return null;
    if (extra === 0) return cells;
    return [...cells.slice(0, name), cells.slice(name, name + extra + 1).join("|"), ...cells.slice(name + extra + 1)];
  };
  return { columns, cut };
}

type Span = { start: number; end: number };

/** The line of dashes says where each column stands; beside its columns a line that fits has nothing. */
function fixed(heading: string, rule: string): Pick<Heading, "columns" | "cut"> {
  const places = [...rule.matchAll(/-+/g)].map(({ index, 0: dashes }) => ({
    start: index,
    end: index + dashes.length,
  }));
  const gaps = places.map(({ end }, index) => ({ start: end, end: places[index + 1]?.start ?? Infinity }));
  const end = places.at(-1)?.end ?? 0;
  const cut: Cut = (line) => {
    const isFit = line.length >= end && gaps.every((gap) => isBlank(line.slice(gap.start, gap.end)));
    return isFit ? places.map((place) => cellOf(line, place)) : null;
  };
  return { columns: places.map((place) => cellOf(heading, place)), cut };
}

const cellOf = (line: string, { start, end }: Span): string => utf8(line.slice(start, end)).trim();
