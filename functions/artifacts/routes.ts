import type { Routes } from "#shared/http/routes.ts";
import { jobKey, startBody } from "#shared/jobs/request.ts";

const of = <T extends string>(type: T) =>
  ({ method: "GET", path: `/interaction/arti/${type}/:key`, params: { key: jobKey }, body: startBody }) as const;

export const routes = {
  fetchStatus: of("status"),
  fetchSacct: of("sacct"),
  fetchSeff: of("seff"),
  fetchTimes: of("times"),
  fetchFiles: of("files"),
} as const satisfies Routes;
