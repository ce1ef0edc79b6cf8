import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { has } from "../required.ts";
import { hasCeph, s3Configuration, storeOn, swiftConfiguration, twinOfThisFile } from "../twin.ts";
import { configure, sweeping } from "./configure.ts";
import { edge, s3OfEdge, skipsOnEdge } from "./edge.ts";
import { ended, isPlatform, startLossi, startPlatform, stateOf, temporaryFolder, until } from "./lossi.ts";
import type { Lossi } from "./lossi.ts";

const inTrace = (id: string) => ({ traceparent: `00-${id}-00f067aa0ba902b7-01` });
const newTrace = (): string => randomUUID().replaceAll("-", "");
const elsewhere = skipsOnEdge("a platform is killed, or an Allas on this machine answers");
const SWEEPING = { LOSSI_SWEEP_CRON: "* * * * * *" };
const JOB = { orchestration: { target: "hpc/puhti", name: "{name}" } };

/** Answers the name of the automation. */
async function automate(lossi: Lossi, bucket: string): Promise<string> {
  const name = `train-${randomUUID().slice(0, 8)}`;
  const watch = { bucket, prefix: "in/", suffix: ".csv" };
  const { status, text } = await lossi.call("PUT", `/automation/${name}`, { watch, run: JOB });
  expect([status, text]).toEqual([200, expect.any(String)]);
  onTestFinished(async () => void (await lossi.call("DELETE", `/automation/${name}`).catch(() => null)));
  return name;
}
const runsOf = async (lossi: Lossi, name: string): Promise<any[]> =>
  (await lossi.call("GET", `/automation/${name}`)).json.output.runs;
const traceOf = async (lossi: Lossi, task: string): Promise<string> =>
  (await lossi.call("GET", `/tasks/${task}`)).json.trace;
const oneRun = (lossi: Lossi, name: string): Promise<any> =>
  until(async () => (await runsOf(lossi, name)).find(({ status }) => status === "SUCCESS"));

test("a file that is dropped into a bucket begins a job", async () => {
  const lossi = await startLossi();
  const { bucket, drop } = await configure(lossi);
  // A platform sees files at once.
  if (!isPlatform(lossi)) await sweeping(lossi);
  const name = await automate(lossi, bucket);
  await drop("in/ä b.csv", "1,2");
  await drop("in/notes.txt", "");
  const { key, task } = await oneRun(lossi, name);
  expect(key).toBe("in/ä b.csv");
  const { result } = (await lossi.call("GET", `/tasks/${task}`)).json;
  expect(result).toEqual({ key: "1" });
  expect(await runsOf(lossi, name)).toHaveLength(1);
});

test.skipIf(elsewhere)("a request's trace leads through the objects that it causes to the last function", async () => {
  const lossi = await startPlatform();
  const { bucket } = await configure(lossi);
  await lossi.call("PUT", "/automation/collected", {
    watch: { bucket, prefix: "RUNS/" },
    run: { task: { name: "tasks.forwarder-requests", payload: { mode: "logs", type: "frontend" } } },
  });
  const [submitted, started] = [newTrace(), newTrace()];
  const job = { target: "hpc/puhti", name: "train.sh" };
  const { json } = await lossi.call("POST", "/interaction/orch/submit/none", job, inTrace(submitted));
  const { result } = await ended(lossi, json.output);
  const { lines } = await stateOf(lossi.home);
  const reaches = (trace: string, ...functions: string[]) =>
    until(async () => {
      const found = (await lines.read({ trace, limit: 1000 })).lines.map((line) => line.function);
      return functions.every((name) => found.includes(name));
    });
  await reaches(submitted, "orchestration", "collector");
  await lossi.call("POST", `/interaction/orch/start/${result.key}`, {}, inTrace(started));
  // The job, its run record, and what the record began.
  await reaches(started, "orchestration", "collector", "automation", "logs");
  const { tasks } = (await lossi.call("GET", `/tasks?trace=${started}`)).json;
  expect(tasks.map((task: any) => task.function)).toEqual(["logs", "orchestration"]);
});

test.skipIf(elsewhere)("what was dropped while the platform was down is found by the sweep, past links", async () => {
  const lossi = await startPlatform({ env: SWEEPING });
  const { bucket, drop, store } = await configure(lossi);
  const name = await automate(lossi, bucket);
  const link = (target: string, at: string): void => symlinkSync(target, join(lossi.home, "store", bucket, at));
  link("while-it-runs", "while-it-runs");
  await drop("in/notes.txt", "");
  await until(async () =>
    (await lossi.call("GET", "/interaction/arti/logs/bucket-events")).text.includes("notifications"),
  );
  await lossi.kill();
  await drop("in/a.csv", "1,2");
  for (const [target, at] of [
    ["loop.csv", "in/loop.csv"],
    ["a.csv", "in/to-a.csv"],
    ["..", "in/up"],
  ] as const)
    link(target, at);
  const again = await startPlatform({ home: lossi.home, env: SWEEPING });
  await sweeping(again);
  expect(await oneRun(again, name)).toMatchObject({ key: "in/a.csv" });
  const { objects } = await store.list(bucket, { prefix: "in/" });
  expect(objects.map(({ key }) => key)).toEqual(["in/a.csv", "in/notes.txt"]);
  expect((await again.call("GET", "/bucket-events")).json.lastSweep.failed).toEqual([]);
});

const twin = edge === undefined && hasCeph ? await twinOfThisFile() : null;

describe.skipIf(twin === null)("in Allas", () => {
  if (twin === null) return;
  const bucket = () => storeOn(twin);

  test("s3: the gateway notifies, and an upload begins a job", async () => {
    const lossi = await startLossi();
    const configuration = { ...s3Configuration(twin), "ice-id": "notified" };
    expect((await lossi.call("POST", "/setup/config/init", configuration)).status).toBe(200);
    expect((await lossi.call("GET", "/bucket-events")).json.notifications).toEqual({ on: true, reason: null });
    const name = await automate(lossi, "project-submitter-notified-me");
    const trace = newTrace();
    const metadata = inTrace(trace);
    await (await bucket()).put("project-submitter-notified-me", "in/a.csv", "1,2", { metadata });
    // The gateway looks for a new topic every 30 s.
    expect(await until(() => runsOf(lossi, name).then(([run]) => run), 45)).toMatchObject({ key: "in/a.csv" });
    const { key, task } = await oneRun(lossi, name);
    expect([key, await traceOf(lossi, task)]).toEqual(["in/a.csv", trace]);
  });

  test("swift: nobody notifies, and the sweep finds it", async () => {
    const lossi = await startLossi(SWEEPING);
    const configuration = { ...(await swiftConfiguration(twin)), "ice-id": "swept" };
    expect((await lossi.call("POST", "/setup/config/init", configuration)).status).toBe(200);
    expect((await lossi.call("GET", "/bucket-events")).json.notifications).toMatchObject({ on: false });
    await lossi.call("POST", "/setup/config/start");
    const name = await automate(lossi, "project-submitter-swept-me");
    const trace = newTrace();
    const metadata = inTrace(trace);
    await (await bucket()).put("project-submitter-swept-me", "in/a.csv", "1,2", { metadata });
    const { key, task } = await oneRun(lossi, name);
    expect([key, await traceOf(lossi, task)]).toEqual(["in/a.csv", trace]);
    await lossi.call("POST", "/setup/config/stop");
  });
});

describe.skipIf(edge === undefined && twin === null)("a bucket in S3", () => {
  const CLIENTS: [name: string, has: string[], drop: (bucket: string, file: string) => Promise<string[]>][] = [
    ["boto3", ["python3", "-c", "import boto3"], async (bucket, file) => ["python3", "-c", BOTO3, bucket, file]],
    [
      "aws-cli",
      ["aws", "--version"],
      async (bucket, file) => ["aws", "s3", "cp", file, `s3://${bucket}/in/aws-cli.csv`],
    ],
    [
      "rclone",
      ["rclone", "version"],
      async (bucket, file) => ["rclone", "copyto", file, `:s3:${bucket}/in/rclone.csv`],
    ],
    [
      "python-swiftclient",
      ["swift", "--version"],
      async (bucket, file) => ["swift", "upload", "--object-name", "in/python-swiftclient.csv", bucket, file],
    ],
  ];

  test.each(CLIENTS.filter(([name]) => twin !== null || name !== "python-swiftclient"))(
    "%s drops a file, and the job that it starts appears",
    async (name, [command = "", ...args], drop) => {
      if (!has(name, command, args)) return;
      const lossi = await startLossi(SWEEPING);
      const { bucket, job } = await configure(lossi, twin?.s3);
      await sweeping(lossi);
      const automation = await automate(lossi, bucket);
      const file = join(temporaryFolder(), "file.csv");
      writeFileSync(file, "1,2\n");
      const [program = "", ...rest] = await drop(bucket, file);
      const { status, stderr } = spawnSync(program, rest, { env: await environment(), encoding: "utf8" });
      expect([status, stderr]).toEqual([0, expect.any(String)]);
      const { key, task } = await oneRun(lossi, automation);
      expect(key).toBe(`in/${name}.csv`);
      const { result } = (await lossi.call("GET", `/tasks/${task}`)).json;
      expect(await job(result.key)).not.toBeNull();
    },
  );

  /** What each client reads its keys from. */
  const environment = async (): Promise<NodeJS.ProcessEnv> => {
    const { endpoint, region, accessKeyId, secretAccessKey } = twin?.s3 ?? s3OfEdge();
    const swift = await twin?.swiftToken();
    return {
      PATH: process.env["PATH"],
      HOME: process.env["HOME"],
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      RCLONE_S3_PROVIDER: "Ceph",
      RCLONE_S3_ENDPOINT: endpoint,
      RCLONE_S3_ACCESS_KEY_ID: accessKeyId,
      RCLONE_S3_SECRET_ACCESS_KEY: secretAccessKey,
      ...(swift && { OS_STORAGE_URL: swift.url, OS_AUTH_TOKEN: swift.token }),
    };
  };
});

const BOTO3 = `
import boto3, sys
boto3.client("s3").upload_file(sys.argv[2], sys.argv[1], "in/boto3.csv")
`;
