/** Wakes on `/interaction/orch/…` and on `dev.lossi.orchestration.requested.v1`; emits both that and `task.finished`. */
import * as z from "zod";

import { orchestrationRequested } from "#events/index.ts";
import { requireConfiguration } from "#shared/configuration.ts";
import { createHttp, jsonBody, onlyMethod } from "#shared/http/app.ts";
import type { Caller } from "#shared/http/access.ts";
import type { App } from "#shared/http/app.ts";
import { on, onEvents } from "#shared/http/events.ts";
import { jobKey, startBody } from "#shared/jobs/request.ts";
import type { Logger } from "#shared/log.ts";
import { parse } from "#shared/schema.ts";
import { accept } from "#shared/tasks/accept.ts";
import type { AcceptDeps } from "#shared/tasks/accept.ts";
import { parseRequest } from "#shared/tasks/requests.ts";
import { work } from "#shared/tasks/work.ts";
import type { WorkDeps } from "#shared/tasks/work.ts";

import { orchestrate } from "./handle.ts";
import type { Deps } from "./handle.ts";
import type { Watch } from "./watch.ts";

export function createApp(deps: Deps & AcceptDeps & { work: WorkDeps; watch: Watch }, log: Logger): App {
  const app = createHttp(log);
  const take = async (type: string, input: unknown, caller: Caller | null) => {
    const asked = parseRequest({ mode: "orchestration", type, input }, caller);
    await requireConfiguration(deps.documents);
    return { output: await accept(asked, deps) };
  };
  app.post("/interaction/orch/submit/:key", async (c) =>
    c.json(await take("submit", jsonBody(c, z.unknown()), c.var.caller)),
  );
  for (const type of ["start", "stop"]) {
    app.post(`/interaction/orch/${type}/:key`, async (c) => {
      const key = parse(jobKey, c.req.param("key"), "path");
      return c.json(await take(type, { key, ...jsonBody(c, startBody) }, c.var.caller));
    });
  }
  for (const type of ["submit", "start", "stop"]) onlyMethod(app, "POST", `/interaction/orch/${type}/:key`);
  onEvents(app, {
    [orchestrationRequested.type]: on(orchestrationRequested.parse, async ({ taskId }) => {
      await work(taskId, (task, lease) => orchestrate(task, lease, deps), deps.work);
      deps.watch.nudge();
    }),
  });
  return app;
}
