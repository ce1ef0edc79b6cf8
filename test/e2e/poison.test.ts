import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { configure, tasksOf } from "./configure.ts";
import { broker, edge, skipsOnEdge } from "./edge.ts";
import { JOB, NONE, ended, jobsFolder, manifestsWith, publish, startLossi, startPlatform, until } from "./lossi.ts";
import type { Lossi, Platform } from "./lossi.ts";

const elsewhere = skipsOnEdge("a file is put where the store needs a folder");

/** The project's manifests with a broker that gives up sooner. */
function impatient(): string {
  const manifests = manifestsWith({});
  const file = join(manifests, "broker.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replace("PT0.5S", "PT0.05S"));
  return manifests;
}

async function poisoned(): Promise<{ lossi: Platform; id: string; mend: () => void }> {
  const lossi = await startPlatform({ manifests: impatient() });
  await lossi.call("POST", "/setup/config/init", NONE);
  const jobs = jobsFolder(lossi.home);
  mkdirSync(join(jobs, "1"), { recursive: true });
  rmSync(join(lossi.home, "store/.tmp"), { recursive: true, force: true });
  writeFileSync(join(lossi.home, "store/.tmp"), "not a folder");
  const { json } = await lossi.call("POST", "/interaction/orch/submit/none", JOB);
  return { lossi, id: json.output, mend: () => rmSync(join(lossi.home, "store/.tmp")) };
}

const letters = async (lossi: Lossi) =>
  (await lossi.call("GET", "/dead-letters")).json.deadLetters as { id: string; taskId: string; reason: string }[];

test.skipIf(elsewhere)(
  "a poison task ends FAILURE, stands in the dead letters with its reason, and after the mend a redrive succeeds",
  async () => {
    const { lossi, id, mend } = await poisoned();
    await until(async () => (await lossi.call("GET", `/tasks/${id}`)).json.status === "RETRY");
    const failed = await ended(lossi, id, 60);
    expect(failed.status).toBe("FAILURE");
    const [letter] = await until(async () => ((await letters(lossi)).length > 0 ? letters(lossi) : null));
    expect(letter).toMatchObject({ taskId: id, reason: expect.stringMatching(/store|folder|written/) });
    expect(failed.result).toContain(letter?.reason.slice(0, 40));

    mend();
    const { status, json } = await lossi.call("POST", `/dead-letters/${letter?.id}/redrive`);
    expect({ status, json }).toEqual({ status: 200, json: { output: id } });
    expect(await ended(lossi, id)).toMatchObject({ status: "SUCCESS" });
    expect(await letters(lossi)).toEqual([]);
    expect((await lossi.call("POST", `/dead-letters/${letter?.id}/redrive`)).status).toBe(404);
  },
);

const publishes = edge === undefined || broker !== undefined;
if (!publishes) console.warn("skipped: LOSSI_TEST_BROKER does not say where events go");

test.skipIf(!publishes)("an event for a task that ended does nothing", async () => {
  const lossi = await startLossi();
  const { user } = await configure(lossi);
  const id = (await lossi.call("POST", "/interaction/orch/submit/none", { ...JOB, user })).json.output;
  await ended(lossi, id);
  const before = (await lossi.call("GET", `/tasks/${id}`)).json;
  const event = `a-repeat-${id}`;
  expect(await publish(lossi, id, event)).toBe(202);
  await until(async () => (await lossi.call("GET", "/interaction/arti/logs/orchestration")).text.includes(event));
  expect((await lossi.call("GET", `/tasks/${id}`)).json).toEqual(before);
  expect(await tasksOf(lossi, user)).toHaveLength(1);
});
