/** One function as a process of its own, without the platform before it. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";

import { ping } from "#events/ping.ts";

import { answers } from "./calls.ts";
import type { Call } from "./calls.ts";
import { ours, startServer } from "./echo/servers.ts";
import { until } from "./processes.ts";
import type { Started } from "./processes.ts";

export async function startFunction(name: string, home: string): Promise<Started & { url: string }> {
  const file = join(import.meta.dirname, `../dist/${name}.cjs`);
  const started = await startServer(ours(file, home), join(home, `${name}.log`));
  await until(() => answers(`${started.url}/healthz`), started);
  return started;
}

/** A beat of a function's clock. */
export const pingEvent = (): Call => ({
  method: "POST",
  headers: {
    "content-type": "application/json",
    "ce-specversion": "1.0",
    "ce-type": ping.type,
    "ce-source": "/lossi/bench",
    "ce-id": randomUUID(),
  },
  body: "{}",
});
