/** Wakes on `/v1/…`, as the OpenAI API has it, and on `dev.lossi.inference.requested.v1`; emits `task.finished`. */
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";

import * as z from "zod";

import { inferenceRequested } from "#events/index.ts";
import { createHttp, jsonBody, onlyMethod } from "#shared/http/app.ts";
import type { App } from "#shared/http/app.ts";
import { on, onEvents } from "#shared/http/events.ts";
import type { Logger } from "#shared/log.ts";
import { work } from "#shared/tasks/work.ts";
import type { WorkDeps } from "#shared/tasks/work.ts";

import { generate } from "./handle.ts";
import type { Deps, Payload } from "./handle.ts";
import { ask, isReady } from "./server.ts";

const PATHS = { "/v1/models": "GET", "/v1/chat/completions": "POST", "/v1/completions": "POST" };

export function createApp(deps: Deps & { work: WorkDeps }, log: Logger): App {
  const app = createHttp(log, { isReady: () => isReady(deps.url) });
  for (const [path, method] of Object.entries(PATHS)) {
    app.on(method, path, async (c) => {
      if (method === "POST") jsonBody(c, z.looseObject({}));
      // Who goes away takes the question along: the model has others to answer.
      const answer = await ask(deps.url, { method: c.req.method, path, body: c.var.body, signal: c.req.raw.signal });
      const type = answer.headers["content-type"] ?? "application/json";
      return c.body(Readable.toWeb(answer) as ReadableStream<Uint8Array<ArrayBuffer>>, 200, { "content-type": type });
    });
    onlyMethod(app, method, path);
  }
  onEvents(app, {
    [inferenceRequested.type]: on(inferenceRequested.parse, ({ taskId }) =>
      work(taskId, ({ payload }) => generate(payload as Payload, deps), deps.work),
    ),
  });
  return app;
}
