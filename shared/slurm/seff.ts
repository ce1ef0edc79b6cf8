/** What seff says of a job: how much it used of what it had. */
import { contentOf, textsOf } from "./content.ts";
import type { Unreadable } from "./unreadable.ts";
import { readCount, readDuration, readNumber, readSize } from "./values.ts";

/** What is missing has no key. What cannot be read is named, and so are seff's remarks, such as that a job still waits. */
export type Seff = { metrics: Record<string, number>; metadata: Record<string, string>; unreadable: Unreadable[] };

/** Reads seff's lines, as text or as an object of labels and values. Throws `rejected` for what is neither. */
export function parseSeff(output: unknown): Seff {
  const content = contentOf(output, "seff's output");
  const unreadable: Unreadable[] = [];
  if ("text" in content) return readLines(linesOf(content.text.toString()), unreadable);
  const lines = textsOf(content.fields, (column, value) => unreadable.push({ column, value }));
  return readLines(lines, unreadable);
}

/** What stands before the colon and after it; the label is empty where there is no colon. */
type Line = [label: string, value: string];

const linesOf = (text: string): Line[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map(split);

function split(line: string): Line {
  if (line.startsWith(CONSUMED)) return [CONSUMED, line.slice(CONSUMED.length).trim()];
  const colon = line.indexOf(":");
  return colon < 0 ? ["", line] : [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
}

/** CSC's seff goes on: `4.27 CSC billing units based on following used resources`. */
const CONSUMED = "Job consumed";

function readLines(lines: Line[], unreadable: Unreadable[]): Seff {
  const seff: Seff = { metrics: {}, metadata: {}, unreadable };
  const parts: number[] = [];
  const seen = new Set<string>();
  for (const [label, value] of lines) {
    const read = seen.has(label) ? undefined : readerOf(label); // A second time it would be another job's.
    seen.add(label);
    const found = value === "" && read !== undefined ? {} : (read?.(value) ?? null);
    if (found === null) unreadable.push({ ...(label !== "" && { column: label }), value });
    Object.assign(seff.metrics, found?.metrics);
    Object.assign(seff.metadata, found?.metadata);
    if (found?.part !== undefined) parts.push(found.part);
  }
  if (parts.length > 0) seff.metrics["billing-units"] ??= sumOf(parts);
  return seff;
}

type Found = { metrics?: Record<string, number>; metadata?: Record<string, string>; part?: number };
type Reader = (value: string) => Found | null;

const word =
  (name: string): Reader =>
  (value) => ({ metadata: { [name]: value } });

const metric =
  (name: string, read: (text: string) => number | null): Reader =>
  (value) => {
    const number = read(value);
    return number === null ? null : { metrics: { [name]: number } };
  };

/** `27.17% of 600.00 MB` */
const share =
  (name: string, unit: string, read: (text: string) => number | null): Reader =>
  (value) => {
    const [before = "", after = ""] = value.split("% of ", 2);
    const [percentage, whole] = [readNumber(before), read(after)];
    if (percentage === null || whole === null) return null;
    return { metrics: { [`${name}-percentage`]: percentage, [`${name}-${unit}`]: whole } };
  };

const READERS = new Map<string, Reader>([
  ["Job ID", word("job-id")],
  ["Array Job ID", word("array-job-id")],
  ["Cluster", word("cluster")],
  ["User/Group", () => ({})],
  ["State", readState],
  ["Nodes", metric("nodes", readCount)],
  ["Cores per node", metric("cores-per-node", readCount)],
  ["Cores", (value) => (value === "1" ? { metrics: { nodes: 1, "cores-per-node": 1 } } : null)],
  ["CPU Utilized", metric("cpu-utilized-seconds", readDuration)],
  ["CPU Efficiency", share("cpu-efficiency", "seconds", readCoreWalltime)],
  ["Job Wall-clock time", metric("job-wall-clock-time-seconds", readDuration)],
  ["Memory Utilized", metric("memory-utilized-bytes", readMemory)],
  ["Memory Efficiency", share("memory-efficiency", "bytes", readMemory)],
  ["Billed project", word("billed-project")],
  [CONSUMED, metric("billing-units", (text) => readNumber(text.split(/ CSC billing units\b/i, 1)[0] ?? ""))],
]);

/** `CPU BU`, `Mem BU`, `Non-Interactive BUs`: what the billing units are made of, which an object may hold without their sum. */
const readerOf = (label: string): Reader | undefined => (/ BUs?$/.test(label) ? readPart : READERS.get(label));

function readPart(value: string): Found | null {
  const part = readNumber(value);
  return part === null ? null : { part };
}

/** In hundredths, as seff writes them. */
const sumOf = (parts: number[]): number => Math.round(parts.reduce((sum, part) => sum + part, 0) * 100) / 100;

/** `COMPLETED (exit code 0)`, or only `PENDING`. */
function readState(value: string): Found {
  const code = value.endsWith(")") ? value.lastIndexOf(EXIT_CODE) : -1;
  if (code < 0) return { metadata: { status: value } };
  return { metadata: { status: value.slice(0, code), "exit-code": value.slice(code + EXIT_CODE.length, -1) } };
}

const EXIT_CODE = " (exit code ";

function readCoreWalltime(text: string): number | null {
  return text.endsWith(" core-walltime") ? readDuration(text.slice(0, -" core-walltime".length)) : null;
}

/** `163.02 MB`; a remark in brackets may follow. */
function readMemory(text: string): number | null {
  const [, digits = "", unit = ""] = /^(\S{1,40}) ([KMGTPE]?)B(?: \(.*\))?$/.exec(text) ?? [];
  return readSize(digits + unit);
}
