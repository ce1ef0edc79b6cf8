/** What somebody with bad intentions may try at the monitor and around it; each try fails to do harm. */
import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

import { platformsOnly } from "./edge.ts";
import { NONE, call, ended, functionProcesses, startPlatform } from "./lossi.ts";

platformsOnly("it is attacked, and looked into");

const EVENT = { "ce-specversion": "1.0", "ce-type": "x", "ce-source": "/x", "ce-id": "1" };
const portOf = (pid: number): string =>
  /(?:^|\0)PORT=(\d+)/.exec(readFileSync(`/proc/${pid}/environ`, "utf8"))?.[1] ?? "";

test("a name of others that leads here is answered 403, by the edge, the broker, exports and functions", async () => {
  const lossi = await startPlatform();
  await lossi.call("POST", "/setup/config/init", NONE);
  const { json } = await lossi.call("POST", "/interaction/forw/submit/none/none", {
    exports: [{ name: "logs", address: "logs", port: 80 }],
  });
  const exported = (await ended(lossi, json.output)).result.local.logs as string;
  const gateway = /events go to (http:\/\/[^/]+)/.exec(lossi.output())?.[1] as string;
  const [process] = functionProcesses(lossi.home);
  const places: [string, string, string, Record<string, string>?][] = [
    [lossi.url, "GET", "/tasks"],
    [lossi.url, "GET", "/"],
    [lossi.url, "GET", "/interaction/task/run/tasks.forwarder-trigger"],
    [lossi.url, "POST", "/setup/config/stop"],
    [gateway, "POST", "/lossi/default", EVENT],
    [gateway, "GET", "/apis/lossi.dev/v1/instances"],
    [`http://${exported}`, "GET", "/interaction/arti/logs/frontend"],
    [`http://127.0.0.1:${portOf(process?.pid ?? 0)}`, "POST", "/", EVENT],
  ];
  const before = (await lossi.call("GET", "/tasks")).text;
  for (const [url, method, path, headers] of places) {
    for (const host of ["evil.example", "evil.example:7600", "127.0.0.1.evil.example"]) {
      const answer = await call(url, method, path, undefined, { ...headers, host });
      expect([url, path, answer.status], answer.text).toEqual([url, path, 403]);
      expect(answer.json).toMatchObject({ code: "forbidden", message: expect.stringMatching(/evil.*127\.0\.0\.1/) });
    }
    const { status } = await call(url, method === "POST" ? "GET" : method, path, undefined, {
      ...headers,
      host: "localhost",
    });
    expect(status, path).not.toBe(403);
  }
  expect(JSON.parse(before).tasks).toHaveLength(1);
});

test("with LOSSI_PUBLIC_URL its name is answered as well, and callers say who they are", async () => {
  const lossi = await startPlatform({ env: { LOSSI_PUBLIC_URL: "https://lossi.example.org" } });
  const as = (host: string) => lossi.call("GET", "/tasks", undefined, { host });
  expect((await as("lossi.example.org")).status).toBe(401);
  expect((await as("other.example.org")).status).toBe(403);
});
