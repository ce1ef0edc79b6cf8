/** Wakes on `/interaction/arti/…` and on `dev.lossi.artifacts.requested.v1`; emits both that and `task.finished`. */
import { artifactsRequested } from "#events/index.ts";
import { requireConfiguration } from "#shared/configuration.ts";
import { createHttp, jsonBody, onlyMethod } from "#shared/http/app.ts";
import type { App } from "#shared/http/app.ts";
import { on, onEvents } from "#shared/http/events.ts";
import { jobKey, startBody } from "#shared/jobs/request.ts";
import type { Logger } from "#shared/log.ts";
import { parse } from "#shared/schema.ts";
import { accept } from "#shared/tasks/accept.ts";
import type { AcceptDeps } from "#shared/tasks/accept.ts";
import { ARTIFACTS, parseRequest } from "#shared/tasks/requests.ts";
import { work } from "#shared/tasks/work.ts";
import type { WorkDeps } from "#shared/tasks/work.ts";

import { artifact } from "./handle.ts";
import type { Deps, Payload } from "./handle.ts";

export function createApp(deps: Deps & AcceptDeps & { work: WorkDeps }, log: Logger): App {
  const app = createHttp(log, { acting: (path) => path.startsWith("/interaction/arti/") });
  for (const type of ARTIFACTS) {
    const path = `/interaction/arti/${type}/:key`;
    app.get(path, async (c) => {
      const key = parse(jobKey, c.req.param("key"), "path");
      const input = { key, ...jsonBody(c, startBody) };
      await requireConfiguration(deps.documents);
      return c.json({ output: await accept(parseRequest({ mode: "artifacts", type, input }, c.var.caller), deps) });
    });
    onlyMethod(app, "GET", path);
  }
  onEvents(app, {
    [artifactsRequested.type]: on(artifactsRequested.parse, ({ taskId }) =>
      work(taskId, ({ payload }) => artifact(payload as Payload, deps), deps.work),
    ),
  });
  return app;
}
