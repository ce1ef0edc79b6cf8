/**
 * A real Allas on loopback: one monitor, one disk in memory and one gateway of Ceph, from Debian's packages ceph-mon,
 * ceph-osd, radosgw and ceph-common. It starts in a second and forgets everything when it stops.
 */
import { execFile } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createWriteStream, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";

import { freePort } from "#platform/free-port.ts";
import { spawnTied } from "#platform/lifeline.ts";

import { cephConf } from "./ceph-conf.ts";

export type TwinOptions = {
  /** A folder of the twin's own; it is removed at the end. */
  folder: string;
  /** Of the gateway; any that is free, where there is none. */
  port?: number;
};

export type Twin = {
  /** Where S3 and Swift are served, `http://127.0.0.1:…`. */
  url: string;
  s3: { endpoint: string; region: string; accessKeyId: string; secretAccessKey: string };
  swift: { authUrl: string; user: string; key: string };
  /** Storage URL and token, as a Swift client gets them; of the twin's own user, or another. */
  swiftToken(user?: { user: string; key: string }): Promise<{ url: string; token: string }>;
  stopGateway(signal?: NodeJS.Signals): Promise<void>;
  startGateway(): Promise<void>;
  /** `radosgw-admin` on this twin; answers what it prints. */
  admin(...args: string[]): Promise<string>;
  stop(): Promise<void>;
};

const run = promisify(execFile);
const GRACE_MS = 5000;
const DAEMONS = ["ceph-mon", "ceph-osd", "radosgw"];

/** Starts a twin. Throws with the last lines of its log when a part of it does not start. */
export async function startTwin({ folder, port: wanted }: TwinOptions): Promise<Twin> {
  const [monitorPort, port] = [await freePort(), wanted ?? (await freePort())];
  const [cluster, disk] = [randomUUID(), randomUUID()];
  const conf = join(folder, "ceph.conf");
  for (const part of ["mon", "osd", "rgw", "log", "run"]) mkdirSync(join(folder, part), { recursive: true });
  writeFileSync(conf, cephConf({ folder, cluster, monitorPort, port }));
  const env = { ...process.env, CEPH_CONF: conf };
  const ceph = async (command: string, ...args: string[]): Promise<string> =>
    (await run(command, args, { env })).stdout;
  const running = new Map<string, ChildProcess>();
  const start = (daemon: string, ...args: string[]): void => {
    const child = spawnTied([daemon, "-f", ...args], env);
    running.set(daemon, child);
    const log = createWriteStream(logOf(daemon), { flags: "a" });
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    child.once("exit", () => (running.delete(daemon), log.end()));
  };
  const logOf = (daemon: string): string => join(folder, "log", `${daemon}.out`);
  const end = async (daemon: string, signal: NodeJS.Signals): Promise<void> => {
    const child = running.get(daemon);
    if (child === undefined) return;
    const exited = once(child, "exit");
    child.kill(signal);
    // A gateway that has notifications to deliver may take a minute and a half to end in order.
    const force = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
    await exited;
    clearTimeout(force);
  };
  const startGateway = async (): Promise<void> => {
    start("radosgw", "-n", "client.rgw");
    while (!(await answers(port))) {
      if (!running.has("radosgw")) throw new Error(`the gateway ended: ${lastLines(logOf("radosgw"))}`);
      await new Promise((done) => setTimeout(done, 20));
    }
  };
  const stop = async (): Promise<void> => {
    // It lives in memory, so there is nothing to end in order.
    await Promise.all(DAEMONS.map((daemon) => end(daemon, "SIGKILL")));
    rmSync(folder, { recursive: true, force: true });
  };

  try {
    const map = join(folder, "monmap");
    await ceph("monmaptool", "--create", "--fsid", cluster, "--addv", "a", `[v2:127.0.0.1:${monitorPort}]`, map);
    await ceph("ceph-mon", "--mkfs", "-i", "a", "--fsid", cluster, "--monmap", map);
    start("ceph-mon", "-i", "a");
    await ceph("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", disk);
    await ceph("ceph", "osd", "new", disk, "0");
    start("ceph-osd", "-i", "0");
    await startGateway();
    const keys = { accessKeyId: word(), secretAccessKey: word() };
    const swiftKey = word();
    const user = ["--uid=lossi", "--display-name=lossi"];
    const key = [`--access-key=${keys.accessKeyId}`, `--secret=${keys.secretAccessKey}`];
    await ceph("radosgw-admin", "-n", "client.rgw", "user", "create", ...user, ...key);
    const sub = ["--subuser=lossi:swift", "--access=full", "--key-type=swift", `--secret-key=${swiftKey}`];
    await ceph("radosgw-admin", "-n", "client.rgw", "subuser", "create", "--uid=lossi", ...sub);
    const url = `http://127.0.0.1:${port}`;
    const swift = { authUrl: `${url}/auth/v1.0`, user: "lossi:swift", key: swiftKey };
    return {
      url,
      s3: { endpoint: url, region: "default", ...keys },
      swift,
      swiftToken: (other) => tokenOf({ ...swift, ...other }),
      stopGateway: (signal = "SIGKILL") => end("radosgw", signal),
      startGateway,
      admin: (...args) => ceph("radosgw-admin", "-n", "client.rgw", ...args),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const word = (): string => randomBytes(12).toString("hex");

async function tokenOf({ authUrl, user, key }: Twin["swift"]): Promise<{ url: string; token: string }> {
  const { status, headers } = await fetch(authUrl, { headers: { "x-auth-user": user, "x-auth-key": key } });
  const [url, token] = [headers.get("x-storage-url"), headers.get("x-auth-token")];
  if (url === null || token === null) throw new Error(`${authUrl} answered ${status} without a token`);
  return { url, token };
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    get({ host: "127.0.0.1", port, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    }).on("error", () => resolve(false));
  });

const lastLines = (file: string): string => readFileSync(file, "utf8").trim().split("\n").slice(-10).join("\n");
