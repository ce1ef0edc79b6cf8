/** The event that every echo takes, checks and logs, and how a load generator sends it. */
import * as z from "zod";

import { defineEvent } from "#events/define.ts";

export const echoRequested = defineEvent({
  type: "dev.lossi.echo.requested.v1",
  name: "echo-requested",
  data: z.object({
    bucket: z.string().min(1),
    key: z.string().min(1),
    bytes: z.number().int().nonnegative(),
    time: z.iso.datetime(),
    tags: z.array(z.string()),
    metadata: z.record(z.string(), z.string()),
  }),
  summary: "For measurements.",
  emittedBy: [],
  wakes: [],
});

const BYTES = 1024;

/** 1 KiB of JSON data. */
export function echoData(): string {
  const data = {
    bucket: "lossi-submitter-none-none",
    key: "JOBS/1",
    bytes: 4096,
    time: "2026-01-31T12:00:00Z",
    tags: ["a", "b"],
    metadata: { note: "" },
  };
  data.metadata.note = "x".repeat(BYTES - JSON.stringify(data).length);
  return JSON.stringify(data);
}

/** Headers of the binary mode, but for the id. */
export const echoHeaders = {
  "content-type": "application/json",
  "ce-specversion": "1.0",
  "ce-type": echoRequested.type,
  "ce-source": "/lossi/bench",
};

/** The line that our wrapper logs for a request, for those that have no logger of their own. */
export function logRequest({ id, type, source }: { id: string; type: string; source: string }): void {
  const event = { ceId: id, ceType: type, ceSource: source };
  const request = { method: "POST", path: "/", status: 204, durationMs: 0 };
  console.log(
    JSON.stringify({
      level: 30,
      time: Date.now(),
      function: "echo",
      ...event,
      ...request,
      message: "request finished",
    }),
  );
}
