/** Numbers as Slurm prints them. A reader answers `null` for what it cannot read, and never guesses. */
import { LossiError } from "../errors.ts";

const DURATION = /^(?:(\d{1,9})-)?(?:(\d{1,9}):)?(\d{1,9}):(\d{2})(?:\.(\d{1,9}))?$/;

/** `[DD-[HH:]]MM:SS[.mmm]` in seconds. Only the first field that is printed may be larger than a clock's. */
export function readDuration(text: string): number | null {
  const fields = DURATION.exec(text);
  if (fields === null) return null;
  const [days, hours, minutes, seconds] = fields.slice(1, 5).map((field) => Number(field ?? 0)) as [
    number,
    number,
    number,
    number,
  ];
  const isFirst = (field: number) => fields.slice(1, field).every((before) => before === undefined);
  if (seconds > 59 || (minutes > 59 && !isFirst(3)) || (hours > 23 && !isFirst(2))) return null;
  const fraction = fields[5] ?? "";
  const scale = 10 ** fraction.length;
  return ((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * scale + Number(fraction)) / scale;
}

/** A number without a unit. */
export const readNumber = (text: string): number | null =>
  /^\d{1,15}(?:\.\d{1,15})?$/.test(text) ? Number(text) : null;

/** A number as it stands, or one with a K, M, G, T, P or E of powers of `base`, to the nearest whole one. */
function readAmount(text: string, base: number): number | null {
  const power = 1 + "KMGTPE".indexOf(text.at(-1) ?? " ");
  if (power === 0) return readNumber(text);
  const number = readNumber(text.slice(0, -1));
  return number === null ? null : Math.round(number * base ** power);
}

/** Bytes, such as `600.03M`. */
export const readSize = (text: string): number | null => readAmount(text, 1024);

/** CPUs, nodes, kHz: all that is not bytes, such as `2.60M`. */
export const readCount = (text: string): number | null => readAmount(text, 1000);

/** Reads local times of one cluster. */
export type Clock = (text: string) => number | null;

/**
 * A clock in an IANA zone: `2026-11-24T04:27:25` becomes seconds since 1970. A time that the zone skips, or has twice, when
 * its clocks are changed is one that cannot be read.
 */
export function openClock(zone: string): Clock {
  const offsetAt = zone === "UTC" ? () => 0 : offsetsOf(zone);
  return (text) => {
    const local = readLocal(text);
    if (local === null) return null;
    const offsets = new Set([offsetAt(local - DAY_MS), offsetAt(local + DAY_MS)]);
    const instants = [...offsets].map((offset) => local - offset).filter((at) => at + offsetAt(at) === local);
    return instants.length === 1 ? (instants[0] as number) / 1000 : null;
  };
}

const DAY_MS = 86_400_000;

/** Milliseconds since 1970 as if the time were in UTC. */
function readLocal(text: string): number | null {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(text)) return null;
  const date = new Date(`${text}Z`);
  const isReal = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text); // Not 30 February.
  return isReal ? date.getTime() : null;
}

/** How far the zone's clocks are ahead of UTC at an instant, in milliseconds. */
function offsetsOf(zone: string): (instant: number) => number {
  const format = formatOf(zone);
  return (instant) => {
    const parts = new Map(format.formatToParts(instant).map(({ type, value }) => [type, Number(value)]));
    const [year = 0, month = 1, ...rest] = UNITS.map((unit) => parts.get(unit) ?? 0);
    return Date.UTC(year, month - 1, ...rest) - instant;
  };
}

const UNITS = ["year", "month", "day", "hour", "minute", "second"] as const;

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const numeric = Object.fromEntries(UNITS.map((unit) => [unit, "numeric"]));
  try {
    return new Intl.DateTimeFormat("en-US", { ...numeric, timeZone, hourCycle: "h23" });
  } catch (cause) {
    throw new LossiError("invalid", `there is no time zone ${timeZone}; one is called Europe/Helsinki`, { cause });
  }
}
