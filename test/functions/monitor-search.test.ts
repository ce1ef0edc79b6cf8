/** Looking for tasks that are few among many. */
import { randomUUID } from "node:crypto";

import { expect, test } from "vitest";

import { createApp } from "#functions/monitor/app.tsx";
import { LOOK } from "#shared/state/state.ts";

import { deps, monitorDeps } from "./deps.ts";

const NEEDLES = 2;
const MINUTE_MS = 60_000;

/** More tasks than two looks see, the oldest of which are needles; `lookMs` is how long a look takes. */
async function haystack(lookMs: number) {
  const all = deps();
  const add = (name: string) =>
    all.ledger.accept(
      {
        id: randomUUID(),
        name: "tasks.forwarder-requests",
        function: "orchestration",
        payload: { input: { name } },
        user: null,
        replayOf: null,
        trace: null,
      },
      [],
    );
  await Promise.all(Array.from({ length: NEEDLES }, () => add("needle")));
  all.clock.now += MINUTE_MS;
  await Promise.all(Array.from({ length: 2 * LOOK }, () => add("hay")));
  let time = 0;
  const app = createApp({ ...monitorDeps(all), now: () => (time += lookMs) }, all.log);
  const page = async (path: string) => {
    const html = await (await app.request(path, {}, { access: null })).text();
    const further = /<a href="([^"]+)">Look further/.exec(html)?.[1]?.replaceAll("&amp;", "&");
    const said = html.replaceAll(/<[^>]*>/g, "");
    return { further, said, live: html.includes("data-live"), rows: html.match(/id="task-/g)?.length ?? 0 };
  };
  return { page };
}

test("what fits is found on the first page while there is time, and that nothing fits is certain", async () => {
  const { page } = await haystack(0);
  expect(await page("/monitor/tasks?text=needle")).toMatchObject({ rows: NEEDLES, further: undefined, live: false });
  const none = await page("/monitor/tasks?text=nothing-has-it");
  expect(none.said).toContain("No task fits. Clear the filter");
  expect(none.further).toBeUndefined();
  expect(await page("/monitor/tasks?text=hay")).toMatchObject({ rows: 50, further: undefined, live: true });
});

test("when time is up a page says how far it looked, and leads on to the end", async () => {
  const { page } = await haystack(3000);
  const first = await page("/monitor/tasks?text=needle&function=orchestration");
  expect(first.rows).toBe(0);
  expect(first.said).toContain("No task fits so far: there is more to look through, from 2026-01-01 00:01:00 UTC back");
  const second = await page(first.further ?? "");
  expect(second).toMatchObject({ rows: 0, said: expect.stringContaining("from 2026-01-01 00:00:00 UTC back") });
  expect(await page(second.further ?? "")).toMatchObject({ rows: NEEDLES, further: undefined });
});

test("from the oldest on, a page that is not full says that it is not all", async () => {
  const { page } = await haystack(3000);
  const first = await page("/monitor/tasks?text=needle&order=oldest");
  expect(first.rows).toBe(NEEDLES);
  expect(first.said).toContain("2 so far: there is more to look through, from 2026-01-01 00:01:00 UTC on");
});
