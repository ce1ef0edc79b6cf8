import { expect, test } from "vitest";

import { createApp } from "#functions/monitor/app.tsx";
import { DEAD_LETTERS } from "#shared/dead-letters.ts";

import { begun, deps, monitorDeps } from "./deps.ts";

function monitor() {
  const all = deps();
  const app = createApp(monitorDeps(all), all.log);
  const get = (path: string) => app.request(path, { headers: { accept: "text/html" } }, { access: null });
  return { ...all, get, text: async (path: string) => (await get(path)).text() };
}

test.each([
  ["/monitor/tasks/?status=FAILURE", "/monitor/tasks?status=FAILURE"],
  ["/monitor/runs/bucket/7/", "/monitor/runs/bucket/7"],
  ["/docs/", "/docs"],
  ["/openapi.json/", "/openapi.json"],
  ["/monitor", "/"],
  ["/monitor/", "/"],
])("%s leads to %s, which was meant", async (from, to) => {
  const answer = await monitor().get(from);
  expect([answer.status, answer.headers.get("location")]).toEqual([301, to]);
});

test.each(["//evil.example/", "//monitor/tasks/", "/monitor/tasks//", "/nothing/", "/monitor/nothing"])(
  "%s is nowhere",
  async (path) => {
    expect((await monitor().get(path)).status).toBe(404);
  },
);

test("without JavaScript it is said what does not work", async () => {
  expect(await monitor().text("/monitor/tasks")).toContain("its buttons do nothing.</p></noscript>");
});

test("a page of tasks behind the last one does not say that there are none", async () => {
  const { text, ...all } = monitor();
  expect(await text("/monitor/tasks")).toContain("No task yet");
  await begun(all, "00000000-0000-4000-8000-000000000001");
  expect(await text("/monitor/tasks?after=nonsense")).toContain("No task fits");
});

test("of more dead letters than are shown, how many there are is said", async () => {
  const { text, documents } = monitor();
  const letter = { taskId: null, type: "x", reason: "broken", status: 500, destination: "http://x", event: {} };
  for (let n = 0; n <= 1000; n++) {
    const id = `l${n}`;
    await documents.put(DEAD_LETTERS + id, { ...letter, id, at: "2026-01-01T00:00:00Z" }, { outlives: "process" });
    if (n === 0) expect(await text("/monitor/dead-letters")).not.toContain("Shown are");
  }
  expect(await text("/monitor/dead-letters")).toContain("Shown are 1000 of 1001;");
});
