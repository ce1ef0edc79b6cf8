import { pino } from "pino";
import type { DestinationStream, Logger } from "pino";

import { plain } from "./plain.ts";
import type { Json, Lines, LogLine } from "./state/state.ts";
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

/** What is kept of a line that pino wrote. */
export function toLogLine(name: string, line: Record<string, unknown>): LogLine {
  const { time, level, function: _name, message, traceId, ...fields } = line;
  if (typeof fields["err"] === "object" && fields["err"] !== null && "message" in fields["err"])
    fields["err"] = String(fields["err"].message);
  return {
    time: Number(time),
    level: pino.levels.labels[Number(level)] ?? "info",
    function: name,
    message: typeof message === "string" ? message : "",
    fields: fields as LogLine["fields"],
    trace: typeof traceId === "string" ? traceId : null,
  };
}

const LABELS: Record<string, string> = { debug: "DEBUG", info: "INFO", warn: "WARNING", error: "ERROR" };

/**
 * A line as Python's logging prints it, `2025-09-30 13:31:39,009 - INFO - setup - …`, in the machine's time zone. It stays one
 * line, whatever others had written into it.
 */
export function formatLine(line: LogLine): string {
  const local = new Date(line.time - new Date(line.time).getTimezoneOffset() * 60_000);
  const time = local.toISOString().slice(0, 23).replace("T", " ").replace(".", ",");
  const words = Object.entries(line.fields).map(([key, value]) => `${key}=${fieldText(value)}`);
  const text = plain([line.message, ...words].join(" "));
  return `${time} - ${LABELS[line.level] ?? line.level.toUpperCase()} - ${line.function} - ${text}`;
}

/** A field of a line as text; empty where there is none. */
export const fieldText = (value: Json | undefined): string =>
  value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
