import { expect, test } from "vitest";

import { createCounters, readCounters } from "#shared/counters.ts";

import { deps } from "../functions/deps.ts";

const find = async (all: ReturnType<typeof deps>, name: string) =>
  (await readCounters(all.documents))
    .filter((count) => count.name === name)
    .map(({ value, labels, function: of }) => [of, labels, value]);

test("two processes of a function add to the same counts, and none is lost", async () => {
  const all = deps();
  const [one, other] = [createCounters("tasks", all.documents), createCounters("tasks", all.documents)];
  for (let n = 0; n < 20; n++) {
    one.add("requests", { outcome: "2xx" });
    other.add("requests", { outcome: "2xx" }, 2);
    await Promise.all([one.flush(), other.flush()]);
  }
  other.add("requests", { outcome: "5xx" });
  await other.flush();
  expect(await find(all, "requests")).toEqual([
    ["tasks", { outcome: "2xx" }, 60],
    ["tasks", { outcome: "5xx" }, 1],
  ]);
});

test("what cannot be written is kept for the next time", async () => {
  const all = deps();
  let broken = true;
  const documents = {
    ...all.documents,
    put: (...args: Parameters<typeof all.documents.put>) => {
      if (broken) throw new Error("down");
      return all.documents.put(...args);
    },
  };
  const counters = createCounters("tasks", documents);
  counters.add("wakeups");
  await expect(counters.flush()).rejects.toThrow("down");
  counters.add("wakeups");
  broken = false;
  await counters.flush();
  expect(await find(all, "wakeups")).toEqual([["tasks", {}, 2]]);
});
