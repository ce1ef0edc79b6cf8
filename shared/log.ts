import { pino } from "pino";
import type { DestinationStream, Logger } from "pino";

import type { Lines, LogLine } from "./state/state.ts";
import { lineFields } from "./trace.ts";

export type { Logger } from "pino";

/** Fields that may hold secrets; they are never written. */
const REDACTED = ["authorization", "cookie", "token", "password", "secret"].flatMap((name) => [name, `*.${name}`]);

/**
 * The root logger of a function: JSON on stdout, written synchronously because buffered lines die when an instance
 * scales to zero, and each line kept in the state, where the function `logs` finds it when this process is gone.
 */
export function createLogger(name: string, level: string, lines: Lines): Logger {
  const stdout = pino.destination({ dest: 1, sync: true });
  const stream: DestinationStream = {
    write(line) {
      stdout.write(line);
      lines.write(toLogLine(name, JSON.parse(line) as Record<string, unknown>));
    },
  };
  return pino(
    {
      level,
      base: { function: name },
      mixin: lineFields,
      redact: { paths: REDACTED, censor: "[redacted]" },
      messageKey: "message",
    },
    stream,
  );
}

function toLogLine(name: string, line: Record<string, unknown>): LogLine {
  const { time, level, function: _name, message, ...fields } = line;
  const words = Object.entries(fields).map(([key, value]) => `${key}=${show(key, value)}`);
  return {
    time: Number(time),
    level: pino.levels.labels[Number(level)] ?? "info",
    function: name,
    message: [message, ...words].join(" "),
  };
}

function show(key: string, value: unknown): string {
  if (key === "err" && typeof value === "object" && value !== null && "message" in value) return String(value.message);
  return typeof value === "string" ? value : JSON.stringify(value);
}

const LABELS: Record<string, string> = { debug: "DEBUG", info: "INFO", warn: "WARNING", error: "ERROR" };

/** A line as Python's logging prints it, `2025-09-30 13:31:39,009 - INFO - setup - …`, in the machine's time zone. */
export function formatLine(line: LogLine): string {
  const local = new Date(line.time - new Date(line.time).getTimezoneOffset() * 60_000);
  const time = local.toISOString().slice(0, 23).replace("T", " ").replace(".", ",");
  return `${time} - ${LABELS[line.level] ?? line.level.toUpperCase()} - ${line.function} - ${line.message}`;
}
