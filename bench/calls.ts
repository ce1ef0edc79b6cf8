import { Agent, request } from "node:http";

import { CONFIGURATION_KEYS } from "#shared/configuration.ts";

/** The body of `setup/config/init` that keeps objects in files. */
export const NONE: Record<string, string> = Object.fromEntries(CONFIGURATION_KEYS.map((key) => [key, "none"]));

export type Call = { method?: string; headers?: Record<string, string>; body?: string };
export type Answer = { status: number; text: string };

const kept = new Agent({ keepAlive: true });

/** One request, over a kept connection unless told otherwise. */
export function send(url: string, { method = "GET", headers = {}, body = "" }: Call = {}, agent: Agent | false = kept) {
  return new Promise<Answer>((resolve, reject) => {
    const length = { "content-length": Buffer.byteLength(body) };
    request(url, { method, agent, headers: { ...headers, ...length } }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, text })).on("error", reject);
    })
      .on("error", reject)
      .end(body);
  });
}

/** Whether a new connection gets a 2xx. */
export const answers = (url: string, call?: Call): Promise<boolean> =>
  send(url, call, false).then(
    ({ status }) => status >= 200 && status < 300,
    () => false,
  );

export const json = (method: string, body: unknown): Call => ({
  method,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

/** A JSON request that has to answer 200; answers its JSON. */
export async function callJson(url: string, method = "GET", body: unknown = {}): Promise<Record<string, unknown>> {
  const { status, text } = await send(url, json(method, body));
  if (status !== 200) throw new Error(`${method} ${url}: ${status} ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}
