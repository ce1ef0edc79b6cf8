/** How lines are chosen and followed, the same in every driver: lines are numbered in the order in which they were written. */
import { searchFor } from "./search.ts";
import type { Json, LineFilter, LogLine } from "./state.ts";

/** A line as a driver has it: `fields` is JSON, and missing in lines of the first version. */
export type StoredLine = Omit<LogLine, "fields"> & { number: number; fields: string | null };

/** Tells whether a line has what the filter asks for; drivers look a trace up themselves. */
export function fitting({ functions, text }: LineFilter): (line: StoredLine) => boolean {
  const has = text === undefined || text === "" ? () => true : searchFor(text);
  return (line) => (functions === undefined || functions.includes(line.function)) && has([line.message], [line.fields]);
}

/** The answer: `found` in the order in which it was looked at; `newest` is the newest line there was before that. */
export function pageOf(filter: LineFilter, found: StoredLine[], newest: number): { lines: LogLine[]; next: string } {
  const last = Math.max(0, ...found.map(({ number }) => number));
  const full = filter.after !== undefined && found.length === filter.limit;
  // Processes that write at the same time are a little out of order.
  const ordered = found.toSorted((a, b) => a.time - b.time || a.number - b.number);
  return { lines: ordered.map(toLine), next: String(full ? last : Math.max(last, newest)) };
}

const toLine = ({ time, level, function: name, message, fields, trace }: StoredLine): LogLine => ({
  time,
  level,
  function: name,
  message,
  fields: fields === null ? {} : (JSON.parse(fields) as { [name: string]: Json }),
  trace,
});
