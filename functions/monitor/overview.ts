/** What there is at the moment: the answer of `GET /status`, and what the first view shows. */
import type * as z from "zod";

import { BASE_FUNCTION_NAMES, FUNCTIONS, FUNCTION_NAMES } from "#shared/functions.ts";
import { CONFIGURATION_DOCUMENT, forwarderBucket, submitterBucket } from "#shared/configuration.ts";
import type { Configuration } from "#shared/configuration.ts";
import type { Caller } from "#shared/http/access.ts";
import { MINUTES } from "./activity.ts";
import type { functionStatus, status } from "./api.ts";
import { ask, look } from "./seen.ts";
import { VERSIONS } from "./version.ts";
import type { ViewDeps } from "./view.ts";

export type FunctionStatus = z.infer<typeof functionStatus>;
export type Overview = z.infer<typeof status>;

/** Looks at everything without waking anybody. What cannot be asked is a problem in the answer, not an error. */
export async function overview(caller: Caller | null, deps: ViewDeps): Promise<Overview> {
  const clockProblems: string[] = [];
  const [{ instances, forwards, problems, ...seen }, doing, clocks, store] = await Promise.all([
    look(caller, deps),
    deps.activity.read(),
    ask("clocks", deps.cluster.listClocks(), clockProblems),
    storeStatus(deps),
  ]);
  const isHere = (name: (typeof FUNCTION_NAMES)[number]): boolean =>
    BASE_FUNCTION_NAMES.includes(name) || doing.has(name) || (instances ?? []).some(({ service }) => service === name);
  const functions = FUNCTION_NAMES.filter(isHere).map((name): FunctionStatus => {
    const own = instances?.filter(({ service }) => service === name) ?? [];
    const ready = own.filter((instance) => instance.ready).length;
    const state = instances === null ? "unknown" : own.length === 0 ? "asleep" : ready === 0 ? "waking" : "awake";
    const idle = { wokeAt: null, wokeMs: null, requests: Array.from({ length: MINUTES }, () => 0), failures: 0 };
    return { name, state, instances: own.length, ready, ...(doing.get(name) ?? idle) };
  });
  const health = (state: string): number => forwards?.filter((forward) => forward.health.state === state).length ?? 0;
  return {
    ...VERSIONS,
    ...seen,
    functions,
    clocks: clocks ?? [],
    store,
    forwards: { up: health("up"), down: health("down"), unknown: health("unknown") },
    problems: [...problems, ...clockProblems],
  };
}

async function storeStatus({ documents, ledger, storeCheck }: ViewDeps): Promise<Overview["store"]> {
  const document = await documents.get(CONFIGURATION_DOCUMENT);
  if (document === null) return null;
  const configuration = document.value as Configuration;
  const { "used-client": client, endpoint, "pre-auth-url": url, user } = configuration;
  const { tasks } = await ledger.list({ status: "PENDING", limit: 1000 });
  // Nothing else that waits for its turn has a reason.
  const waitingForCredentials = tasks.filter(({ reason }) => reason !== null).length;
  return {
    client,
    address: client === "s3" ? (endpoint ?? "") : client === "swift" ? url : "",
    buckets: [forwarderBucket(configuration), submitterBucket(configuration, user)],
    waitingForCredentials,
    ...(await storeCheck.look(document, waitingForCredentials)),
  };
}

/** What a function is for, in the list of all. */
export const doesOf = (name: string): string => {
  const { http, events } = FUNCTIONS[name as keyof typeof FUNCTIONS];
  return http && events ? "calls and events" : http ? "calls" : "events";
};
