/** Seconds between rounds, as cron can say them. */
import { LossiError } from "#shared/errors.ts";

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Every number of seconds that divides a minute, of minutes that divides an hour, of hours that divides a day. */
const ALLOWED = [
  ...divisors(MINUTE).filter((seconds) => seconds < MINUTE),
  ...divisors(60).map((minutes) => minutes * MINUTE),
  ...divisors(24).map((hours) => hours * HOUR),
].filter((seconds, index, all) => all.indexOf(seconds) === index);

function divisors(of: number): number[] {
  return Array.from({ length: of }, (_, index) => index + 1).filter((n) => of % n === 0);
}

/**
 * The cron expression, seconds first, of the smallest of several intervals in seconds. Throws `invalid` naming the nearest
 * intervals where cron cannot say one: cron counts anew each minute, hour and day.
 */
export function cronOf(taskTimes: readonly string[]): string {
  const seconds = taskTimes.map(parseSeconds);
  return toCron(Math.min(...seconds));
}

function parseSeconds(text: string): number {
  const seconds = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (ALLOWED.includes(seconds)) return seconds;
  const wish = Number.isNaN(seconds) ? 30 : seconds;
  const below = ALLOWED.findLast((allowed) => allowed < wish);
  const above = ALLOWED.find((allowed) => allowed > wish);
  const near = Number.isNaN(seconds) ? ["30"] : [below, above].filter((n) => n !== undefined).map(String);
  throw new LossiError(
    "invalid",
    `body: task-times: ${JSON.stringify(text.slice(0, 40))} is no interval that cron can say; nearest possible: ${near.join(" or ")} seconds`,
  );
}

function toCron(seconds: number): string {
  if (seconds < MINUTE) return seconds === 1 ? "* * * * * *" : `*/${seconds} * * * * *`;
  if (seconds < HOUR) return seconds === MINUTE ? "0 * * * * *" : `0 */${seconds / MINUTE} * * * *`;
  if (seconds < DAY) return seconds === HOUR ? "0 0 * * * *" : `0 0 */${seconds / HOUR} * * *`;
  return "0 0 0 * * *";
}
