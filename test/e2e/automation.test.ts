import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { openS3 } from "../contract/allas-stores.ts";
import { hasCeph, s3Configuration, swiftConfiguration, twinOfThisFile } from "../twin.ts";
import { NONE, startLossi, temporaryFolder, until } from "./lossi.ts";
import type { Lossi } from "./lossi.ts";

const JOB = { orchestration: { target: "hpc/puhti", name: "{name}" } };

const automate = async (lossi: Lossi, bucket: string, name = "train"): Promise<void> => {
  const watch = { bucket, prefix: "in/", suffix: ".csv" };
  const { status, text } = await lossi.call("PUT", `/automation/${name}`, { watch, run: JOB });
  expect([status, text]).toEqual([200, expect.any(String)]);
};
const runsOf = async (lossi: Lossi, name = "train"): Promise<any[]> =>
  (await lossi.call("GET", `/automation/${name}`)).json.output.runs;
const oneRun = (lossi: Lossi): Promise<any> =>
  until(async () => (await runsOf(lossi)).find(({ status }) => status === "SUCCESS"));

test("a file that is dropped into a bucket begins a job", async () => {
  const lossi = await startLossi();
  await lossi.call("POST", "/setup/config/init", NONE);
  await automate(lossi, "none-submitter-none-none");
  const folder = join(lossi.home, "store/none-submitter-none-none/in");
  mkdirSync(folder);
  writeFileSync(join(folder, "ä b.csv"), "1,2");
  writeFileSync(join(folder, "notes.txt"), "");
  const { key, task } = await oneRun(lossi);
  expect(key).toBe("in/ä b.csv");
  const { result } = (await lossi.call("GET", `/tasks/${task}`)).json;
  expect(result).toEqual({ key: "1" });
  expect(await runsOf(lossi)).toHaveLength(1);
});

test("what was dropped while the platform was down is found by the sweep", async () => {
  const lossi = await startLossi({ env: { LOSSI_SWEEP_CRON: "* * * * * *" } });
  await lossi.call("POST", "/setup/config/init", NONE);
  await automate(lossi, "none-submitter-none-none");
  await lossi.kill();
  const folder = join(lossi.home, "store/none-submitter-none-none/in");
  mkdirSync(folder);
  writeFileSync(join(folder, "a.csv"), "1,2");
  const again = await startLossi({ home: lossi.home, env: { LOSSI_SWEEP_CRON: "* * * * * *" } });
  await again.call("POST", "/setup/config/start");
  expect(await oneRun(again)).toMatchObject({ key: "in/a.csv" });
});

describe.skipIf(!hasCeph)("in Allas", async () => {
  if (!hasCeph) return;
  const twin = await twinOfThisFile();
  const bucket = async () => {
    const store = await openS3({ folder: temporaryFolder(), s3: twin.s3 });
    onTestFinished(() => store.close());
    return store;
  };

  test("s3: the gateway notifies, and an upload begins a job", async () => {
    const lossi = await startLossi();
    const configuration = { ...s3Configuration(twin), "ice-id": "notified" };
    expect((await lossi.call("POST", "/setup/config/init", configuration)).status).toBe(200);
    expect((await lossi.call("GET", "/bucket-events")).json.notifications).toEqual({ on: true, reason: null });
    await automate(lossi, "project-submitter-notified-me");
    await (await bucket()).put("project-submitter-notified-me", "in/a.csv", "1,2");
    // The gateway looks for a new topic every 30 s.
    expect(await until(() => runsOf(lossi).then(([run]) => run), 45)).toMatchObject({ key: "in/a.csv" });
    expect(await oneRun(lossi)).toMatchObject({ key: "in/a.csv" });
  });

  test("swift: nobody notifies, and the sweep finds it", async () => {
    const lossi = await startLossi({ env: { LOSSI_SWEEP_CRON: "* * * * * *" } });
    const configuration = { ...(await swiftConfiguration(twin)), "ice-id": "swept" };
    expect((await lossi.call("POST", "/setup/config/init", configuration)).status).toBe(200);
    expect((await lossi.call("GET", "/bucket-events")).json.notifications).toMatchObject({ on: false });
    await lossi.call("POST", "/setup/config/start");
    await automate(lossi, "project-submitter-swept-me");
    await (await bucket()).put("project-submitter-swept-me", "in/a.csv", "1,2");
    expect(await oneRun(lossi)).toMatchObject({ key: "in/a.csv" });
    await lossi.call("POST", "/setup/config/stop");
  });
});
