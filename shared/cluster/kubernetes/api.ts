/** Calls to a Kubernetes API server, and what its refusals mean. */
import { Agent, request } from "node:https";
import type { AgentOptions } from "node:https";

import { LossiError, messageOf } from "../../errors.ts";

export type ApiOptions = {
  /** `https://host:port`. */
  url: string;
  /** Read at every call, since tokens are renewed. */
  token: () => string;
  /** PEM of the authority that signed the server's certificate. */
  ca: () => NonNullable<AgentOptions["ca"]>;
};

export type Call = {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  path: string;
  query?: Record<string, string>;
  body?: object;
  /** Of a PATCH: what somebody else wrote stays (`merge`), or is taken note of (`apply`). */
  patch?: "merge" | "apply";
  /** Statuses that are answers and no failures. */
  accept?: number[];
};

export type ApiAnswer<T> = { status: number; body: T };

/** What the API server says beside a failure. */
export type Status = {
  message?: string;
  reason?: string;
  details?: { causes?: { field?: string; message?: string }[] };
};

export type Api = <T = object>(call: Call) => Promise<ApiAnswer<T>>;

/** Under which name our fields are ours. */
export const FIELD_MANAGER = "lossi";

const ANSWER_MS = 10_000;

const CONTENT_TYPES = { merge: "application/merge-patch+json", apply: "application/apply-patch+yaml" };

export function openApi({ url, token, ca }: ApiOptions): Api {
  let agent: Agent | undefined;
  const send = (call: Call): Promise<ApiAnswer<string>> => {
    agent ??= new Agent({ keepAlive: true, timeout: ANSWER_MS, ca: ca() });
    const text = call.body === undefined ? undefined : JSON.stringify(call.body);
    const headers = {
      authorization: `Bearer ${token()}`,
      accept: "application/json",
      ...(text !== undefined && {
        "content-type": call.patch === undefined ? "application/json" : CONTENT_TYPES[call.patch],
        "content-length": Buffer.byteLength(text),
      }),
    };
    const target = new URL(call.path, url);
    target.search = new URLSearchParams(call.query).toString();
    return new Promise((resolve, reject) => {
      const outgoing = request(target, { method: call.method, agent, headers }, (incoming) => {
        let body = "";
        incoming.setEncoding("utf8");
        incoming.on("data", (chunk: string) => (body += chunk));
        incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, body }));
        incoming.on("error", (cause) => reject(unreachable(cause)));
      });
      outgoing.setTimeout(ANSWER_MS, () => outgoing.destroy(new Error(`no answer in ${ANSWER_MS / 1000} s`)));
      outgoing.on("error", (cause) => reject(unreachable(cause)));
      outgoing.end(text);
    });
  };
  return async (call) => {
    const { status, body } = await send(call);
    const parsed = parse(body);
    if (status < 300 || call.accept?.includes(status)) return { status, body: parsed as never };
    throw failureOf(status, parsed as Status);
  };
}

const unreachable = (cause: Error): LossiError =>
  new LossiError("unavailable", `the Kubernetes API could not be reached: ${messageOf(cause)}`, { cause });

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return { message: body.slice(0, 200) };
  }
}

/** The failure that a status stands for. */
export function failureOf(status: number, { message = "" }: Status): LossiError {
  const answered = `the Kubernetes API answered ${status}: ${message.slice(0, 400)}`;
  if (status === 400 || status === 422) return new LossiError("rejected", answered);
  if (status === 403) return new LossiError("forbidden", missingRight(message) ?? answered);
  if (status === 409) return new LossiError("conflict", answered);
  if (status === 401) return new LossiError("unavailable", "the Kubernetes API refused the service account's token");
  return new LossiError("unavailable", answered);
}

/** The right that is missing, as the table in `docs/security.md` names it; `null` when something else is forbidden. */
function missingRight(message: string): string | null {
  const [, user, verb, resource, group, , namespace] =
    /User "([^"]+)" cannot (\w+) resource "([^"]+)" in API group "([^"]*)"( in the namespace "([^"]+)")?/.exec(
      message,
    ) ?? [];
  if (user === undefined) return null;
  const account = user.replace(/^system:serviceaccount:([^:]+):/, "serviceaccount $1/");
  const what = group === "" ? resource : `${resource}.${group}`;
  return `${account} may not ${verb} ${what} in ${namespace ?? "the whole cluster"}; see docs/security.md`;
}
