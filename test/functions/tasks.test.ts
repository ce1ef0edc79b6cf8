import { pino } from "pino";
import { expect, test } from "vitest";

import { createApp } from "#functions/tasks/app.ts";
import { cancel, redrive } from "#functions/tasks/handle.ts";
import { accept } from "#shared/tasks/accept.ts";
import { inTrace } from "#shared/trace.ts";

import { begun, deps } from "./deps.ts";
import type { TestDeps } from "./deps.ts";

const ID = "0b0c4a52-7a3e-4c0e-9f39-1f6f5d1f7c11";
const EVE = { name: "eve", admin: false };

const statusOf = async (all: TestDeps) => (await all.ledger.get(ID))?.status;
/** Types of the events that wait to be announced. */
async function announced(all: TestDeps): Promise<unknown[]> {
  all.clock.now += 10_000;
  return (await all.outbox.claim(10, 1000)).map(({ event }) => (event as { type: string }).type);
}

test("redrive: a FAILURE is PENDING again under its id, and announced", async () => {
  const all = deps();
  await all.ledger.end(await begun(all, ID), { status: "FAILURE", reason: "no" }, []);
  await expect(redrive(ID, EVE, all)).rejects.toMatchObject({ code: "not_found" });
  expect(await redrive(ID, null, all)).toBe(ID);
  expect(await statusOf(all)).toBe("PENDING");
  expect(await announced(all)).toEqual(["dev.lossi.orchestration.requested.v1"]);
  await expect(redrive(ID, null, all)).rejects.toThrow(/PENDING; only a FAILURE/);
});

test("redrive: the event is of the task's trace, not of the call that redrives", async () => {
  const all = deps();
  const [asked, redriven] = ["4bf92f3577b34da6a3ce929d0e0e4736", "0af7651916cd43dd8448eb211c80319c"];
  const within = <T>(id: string, act: () => T): T => inTrace({ traceparent: `00-${id}-00f067aa0ba902b7-01` }, act);
  await within(asked, () => accept({ name: "n", function: "orchestration", payload: {}, user: null }, all, { id: ID }));
  const beginning = await all.ledger.begin(ID, 1000);
  if (beginning.outcome === "begun") await all.ledger.end(beginning.lease, { status: "FAILURE", reason: "no" }, []);
  await within(redriven, () => redrive(ID, null, all));
  all.clock.now += 10_000;
  const events = (await all.outbox.claim(10, 1000)).map(({ event }) => (event as { traceparent: string }).traceparent);
  expect(events.map((traceparent) => traceparent.split("-")[1])).toEqual([asked, asked]);
  expect((await all.ledger.get(ID))?.trace).toBe(asked);
});

test("cancel: what nobody works on is FAILURE with who cancelled it; what is under way is left alone", async () => {
  const all = deps();
  const lease = await begun(all, ID);
  await expect(cancel(ID, null, all)).rejects.toMatchObject({ code: "conflict" });
  await all.ledger.retry(lease, "down");
  await expect(cancel(ID, EVE, all)).rejects.toMatchObject({ code: "not_found" });
  await cancel(ID, { name: "ada", admin: true }, all);
  expect(await all.ledger.get(ID)).toMatchObject({ status: "FAILURE", reason: "cancelled by ada" });
  expect(await announced(all)).toEqual(["dev.lossi.task.finished.v1"]);
  await expect(cancel(ID, null, all)).rejects.toMatchObject({ code: "conflict" });
});

test("get: whoever asks until a task has ended leaves no lines, but for what fails", async () => {
  const all = deps();
  await begun(all, ID);
  const lines: unknown[] = [];
  const app = createApp(all, pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) }));
  const get = async (id: string): Promise<number> => (await app.request(`/interaction/task/get/${id}`)).status;
  expect([await get(ID), await get("none"), await get(ID)]).toEqual([200, 404, 200]);
  expect(lines).toMatchObject([{ path: "/interaction/task/get/none", status: 404 }]);
});
