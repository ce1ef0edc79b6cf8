/** What the cron of a clock means: words for the usual forms, and when it beats next. */
import { Cron } from "croner";

export type Clock = { cron: string; timezone: string };

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MACROS: Record<string, string> = {
  "@hourly": "0 * * * *",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@weekly": "0 0 * * 0",
  "@monthly": "0 0 1 * *",
};

/** When a clock beats next, in milliseconds since 1970; `null` where it never does, or its cron is none. */
export function nextBeat({ cron, timezone }: Clock, now: number): number | null {
  try {
    return new Cron(cron, { timezone, paused: true }).nextRun(new Date(now))?.getTime() ?? null;
  } catch {
    return null;
  }
}

/** `every 5 minutes`, `daily at 09:00 UTC`; `null` for what such words would not say as it is. */
export function wordsFor({ cron, timezone }: Clock): string | null {
  const fields = (MACROS[cron.trim().toLowerCase()] ?? cron.trim()).split(/\s+/).map((field) => field.toUpperCase());
  if (fields.length === 5) fields.unshift("0");
  const [second = "", minute = "", hour = "", day = "", month = "", weekday = ""] = fields.map(plain);
  if (fields.length !== 6 || month !== "*") return null;
  const isDaily = day === "*" && weekday === "*";
  const rest = [minute, hour].join(" ");
  if (isDaily && rest === "* *") return every(second, 60, "second") ?? (second === "0" ? "every minute" : null);
  if (second !== "0") return null;
  if (isDaily && hour === "*") return every(minute, 60, "minute") ?? pastTheHour(minute);
  if (isDaily && minute === "0" && hour.includes("/")) return every(hour, 24, "hour");
  if (!isNumber(minute) || !isNumber(hour)) return null;
  const days = daysOf(day, weekday);
  return days && `${days} at ${hour.padStart(2, "0")}:${minute.padStart(2, "0")} ${timezone}`;
}

/** `00` is 0, and each first of something is each. */
const plain = (field: string): string =>
  isNumber(field) ? String(Number(field)) : field === "?" || field === "*/1" ? "*" : field;

const isNumber = (field: string): boolean => /^\d{1,2}$/.test(field);

/** Only for divisors: cron counts anew after `most`. */
function every(field: string, most: number, unit: string): string | null {
  if (field === "*") return `every ${unit}`;
  const step = Number(/^\*\/(\d{1,2})$/.exec(field)?.[1]);
  return most % step === 0 ? `every ${step} ${unit}s` : null;
}

const pastTheHour = (minute: string): string | null =>
  minute === "0" ? "every hour" : isNumber(minute) ? `every hour, ${minute} min past` : null;

function daysOf(day: string, weekday: string): string | null {
  if (day === "*" && weekday === "*") return "daily";
  if (day === "*" && ["1-5", "MON-FRI"].includes(weekday)) return "Monday to Friday";
  const index = isNumber(weekday)
    ? Number(weekday) % 7
    : DAYS.findIndex((name) => name.slice(0, 3).toUpperCase() === weekday);
  if (day === "*" && DAYS[index] !== undefined) return `every ${DAYS[index]}`;
  return weekday === "*" && isNumber(day) ? `day ${day} of each month` : null;
}
