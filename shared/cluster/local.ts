import { LossiError, messageOf } from "../errors.ts";
import { send } from "../http/send.ts";
import type {
  Cluster,
  Forward,
  ForwardId,
  ForwardStatus,
  GpuStatus,
  InstanceStatus,
  ServiceStatus,
} from "./cluster.ts";
import { clockPath, clockPingSource, clocksOf, clocksPath } from "./ping-source.ts";

const LOSSI = "/apis/lossi.dev/v1";

const forwardPath = (kind: ForwardId["kind"], name: string): string => `${LOSSI}/${kind}s/${encodeURIComponent(name)}`;
const pathOf = ({ name, target: { kind } }: Forward): string => forwardPath(kind, name);

/** The laptop platform: it takes PingSources at the path where Kubernetes would, and has forwards of its own. */
export function openLocalCluster(url: string | undefined): Cluster {
  const call = (method: string, path: string, body?: unknown) => request(url, method, path, body);
  return {
    async startClock(clock, cron) {
      await call("PUT", clockPath(clock), clockPingSource(clock, cron));
    },
    async stopClock(clock) {
      await call("DELETE", clockPath(clock));
    },
    async checkForward(forward) {
      await call("PUT", `${pathOf(forward)}?dryRun=All`, forward);
    },
    openForward: async (forward) => (await call("PUT", pathOf(forward), forward)) as ForwardStatus,
    closeForward: async ({ kind, name, owner }) => (await call("DELETE", forwardPath(kind, name), { owner })) !== null,
    listForwards: async ({ check = false } = {}) =>
      (await call("GET", `${LOSSI}/forwards${check ? "?check" : ""}`)) as ForwardStatus[],
    closeExpired: async () => [],
    listClocks: async () => clocksOf((await call("GET", clocksPath())) as Parameters<typeof clocksOf>[0]),
    listServices: async () => (await call("GET", `${LOSSI}/services`)) as ServiceStatus[],
    listInstances: async () => (await call("GET", `${LOSSI}/instances`)) as InstanceStatus[],
    async listGpus() {
      const gpus = (await call("GET", `${LOSSI}/gpus`)) as GpuStatus;
      return gpus.total === 0 && gpus.waiting.length === 0 ? null : gpus;
    },
  };
}

/** The parsed answer; `null` where there is nothing of that name. */
async function request(url: string | undefined, method: string, path: string, body?: unknown): Promise<unknown> {
  if (url === undefined) {
    throw new LossiError(
      "unavailable",
      "this function runs without the platform, which keeps clocks and forwards; run npm start",
    );
  }
  const text = body === undefined ? "" : JSON.stringify(body);
  const answer = await send(method, url + path, "application/json", text).catch((cause: unknown) => {
    throw new LossiError("unavailable", `the platform could not be reached: ${messageOf(cause)}`, { cause });
  });
  if (answer.status === 404 && method === "DELETE") return null;
  if (answer.status < 300) return answer.body === "" ? {} : (JSON.parse(answer.body) as unknown);
  throw new LossiError([404, 422].includes(answer.status) ? "rejected" : "unavailable", reasonOf(answer));
}

function reasonOf({ status, body }: { status: number; body: string }): string {
  const message = /"message":("(?:[^"\\]|\\.)*")/.exec(body)?.[1];
  return message === undefined
    ? `the platform answered ${status}: ${body.slice(0, 200)}`
    : (JSON.parse(message) as string);
}
