import { FUNCTIONS, FUNCTION_NAMES } from "#shared/functions.ts";
import { formatLine } from "#shared/log.ts";
import type { Lines } from "#shared/state/state.ts";
import type { LOG_SOURCES } from "#shared/tasks/requests.ts";

export type LogSource = (typeof LOG_SOURCES)[number];

/** Newest lines in an answer. */
const LIMIT = 1000;

/** The last lines of a function, or of all that answer HTTP (`frontend`) or handle events (`backend`), oldest first. */
export async function readLogs(from: LogSource, lines: Lines): Promise<{ logs: string[] }> {
  const found = await lines.read({ functions: functionsOf(from), limit: LIMIT });
  return { logs: found.lines.map(formatLine) };
}

function functionsOf(from: LogSource): string[] {
  if (from === "frontend") return FUNCTION_NAMES.filter((name) => FUNCTIONS[name].http);
  if (from === "backend") return FUNCTION_NAMES.filter((name) => FUNCTIONS[name].events);
  return [from];
}
