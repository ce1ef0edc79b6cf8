import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { has } from "../required.ts";
import { hasCeph, s3Configuration, storeOn, swiftConfiguration, twinOfThisFile } from "../twin.ts";
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
  const bucket = () => storeOn(twin);

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

  test.each(CLIENTS)(
    "%s drops a file, and the job that it starts appears",
    async (name, [command = "", ...args], drop) => {
      if (!has(name, command, args)) return;
      const lossi = await startLossi({ env: { LOSSI_SWEEP_CRON: "* * * * * *" } });
      const iceId = `by-${name}`;
      await lossi.call("POST", "/setup/config/init", { ...s3Configuration(twin), "ice-id": iceId });
      await lossi.call("POST", "/setup/config/start");
      const target = `project-submitter-${iceId}-me`;
      await automate(lossi, target);
      const file = join(temporaryFolder(), "file.csv");
      writeFileSync(file, "1,2\n");
      const [program = "", ...rest] = await drop(target, file);
      const { status, stderr } = spawnSync(program, rest, { env: await environment(), encoding: "utf8" });
      expect([status, stderr]).toEqual([0, expect.any(String)]);
      const { key, task } = await oneRun(lossi);
      expect(key).toBe(`in/${name}.csv`);
      const { result } = (await lossi.call("GET", `/tasks/${task}`)).json;
      expect(await (await bucket()).get(target, `JOBS/${result.key}`)).not.toBeNull();
    },
  );

  /** What each client reads its keys from. */
  const environment = async (): Promise<NodeJS.ProcessEnv> => {
    const { endpoint, region, accessKeyId, secretAccessKey } = twin.s3;
    const { url, token } = await twin.swiftToken();
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
      OS_STORAGE_URL: url,
      OS_AUTH_TOKEN: token,
    };
  };
});

const BOTO3 = `
import boto3, sys
boto3.client("s3").upload_file(sys.argv[2], sys.argv[1], "in/boto3.csv")
`;
