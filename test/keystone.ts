/** A stand-in for Keystone v3: it checks the request as the samples have it, and hands out tokens of a real gateway. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { onTestFinished } from "vitest";

import type { SwiftAccess } from "#shared/store/swift.ts";

export const USER = { name: "person", password: "a-password-of-nobody", domain: "Users" };
export const PROJECT = { name: "project_2000001", domain: "Projects" };

/** Of its tokens, where nothing else is said. */
export const EXPIRES_AT = Date.UTC(2040, 0, 1);

export type Keystone = {
  url: string;
  /** The environment of lossi. */
  variables: { OS_AUTH_URL: string; OS_USERNAME: string; OS_PASSWORD: string; OS_REGION_NAME: string };
  /** How many tokens it gave. */
  given: () => number;
  /** What it answers instead, while set. */
  trouble: { status?: number; headers?: Record<string, string> };
};

/** Each call gets what `issue` answers; the catalog has other services, interfaces and regions too. */
export async function startKeystone(issue: () => Promise<SwiftAccess>): Promise<Keystone> {
  let given = 0;
  const trouble: Keystone["trouble"] = {};
  const server = createServer((req, res) => {
    const answer = async (): Promise<void> => {
      const chunks: Buffer[] = [];
      for await (const chunk of req as AsyncIterable<Buffer>) chunks.push(chunk);
      if (trouble.status !== undefined) return void res.writeHead(trouble.status, trouble.headers).end();
      const asked = `${req.method} ${req.url} ${req.headers["content-type"]}`;
      if (asked !== "POST /v3/auth/tokens application/json") return void res.writeHead(404).end();
      const isRight = Buffer.concat(chunks).toString() === JSON.stringify(EXPECTED);
      if (!isRight) return void res.writeHead(401).end('{"error":{"code":401,"title":"Unauthorized"}}');
      given += 1;
      const { url, token, expiresAt = EXPIRES_AT } = await issue();
      const expires_at = new Date(expiresAt).toISOString().replace("Z", "000Z");
      res.writeHead(201, { "content-type": "application/json", "x-subject-token": token });
      res.end(JSON.stringify({ token: { methods: ["password"], expires_at, catalog: catalogOf(url) } }));
    };
    answer().catch(() => res.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v3`;
  const variables = { OS_AUTH_URL: url, OS_USERNAME: USER.name, OS_PASSWORD: USER.password, OS_REGION_NAME: "pouta" };
  return { url, variables, given: () => given, trouble };
}

const EXPECTED = {
  auth: {
    identity: {
      methods: ["password"],
      password: { user: { name: USER.name, domain: { name: USER.domain }, password: USER.password } },
    },
    scope: { project: { name: PROJECT.name, domain: { name: PROJECT.domain } } },
  },
};

const WRONG = "http://127.0.0.1:1/wrong";
const catalogOf = (url: string) => [
  { type: "compute", name: "nova", endpoints: [{ interface: "public", region: "pouta", url: WRONG }] },
  {
    type: "object-store",
    name: "swift",
    endpoints: [
      { interface: "admin", region: "pouta", url: WRONG },
      { interface: "public", region: "elsewhere", url: WRONG },
      { interface: "public", region: "pouta", url },
    ],
  },
];
