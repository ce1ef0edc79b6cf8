/** Builds the image without pulling anything, and runs it under runc as a node of a cluster does. */
import { spawn } from "node:child_process";
import type { SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { onTestFinished } from "vitest";

import { freePort } from "#platform/free-port.ts";

import { root, until } from "./lossi.ts";

export type Built = {
  digest: string;
  /** Compressed bytes of each layer. */
  layers: number[];
  /** What runc runs: the image's files and its configuration. */
  bundle: string;
};

export type Container = {
  url: string;
  /** Both streams. */
  output: () => string;
  /** The exit code, once it has ended. */
  ended: Promise<number | null>;
  stop: () => Promise<number | null>;
};

export type RunOptions = { user?: number; env?: string[] };

/** Builds in a storage of its own, so that nothing is left of an earlier build. */
export async function buildImage(folder: string): Promise<Built> {
  mkdirSync(folder, { recursive: true });
  const conf = join(folder, "storage.conf");
  const [graph, run] = [join(folder, "graph"), join(folder, "run")];
  writeFileSync(conf, `[storage]\ndriver = "overlay"\ngraphroot = "${graph}"\nrunroot = "${run}"\n`);
  const env = { ...process.env, CONTAINERS_STORAGE_CONF: conf };
  await succeed(join(root, "image/build"), ["--debian", "lossi"], { env });
  const layout = `${join(folder, "oci")}:lossi`;
  await succeed("buildah", ["push", "--quiet", "lossi", `oci:${layout}`], { env });
  const bundle = join(folder, "bundle");
  await succeed("umoci", ["unpack", "--image", layout, bundle], {});
  await succeed("buildah", ["rmi", "--all", "--force"], { env });
  const { digest } = json(join(folder, "oci/index.json")).manifests[0];
  const { layers } = json(join(folder, "oci/blobs/sha256", digest.replace("sha256:", "")));
  return { digest, layers: layers.map(({ size }: { size: number }) => size), bundle };
}

/**
 * Runs the image with an argument, and as the manifests say: read-only but for /tmp, without any capability. Its network is
 * this machine's, since functions listen on the loopback address alone.
 */
export async function runImage(built: Built, args: string[], { user, env = [] }: RunOptions = {}): Promise<Container> {
  const port = await freePort();
  const folder = mkdtempSync(join(built.bundle, "run-"));
  const config = json(join(built.bundle, "config.json"));
  config.root = { path: join(built.bundle, "rootfs"), readonly: true };
  config.process.args.push(...args);
  config.process.env.push(`PORT=${port}`, "NODE_DEBUG_NATIVE=COMPILE_CACHE", ...env);
  Object.assign(config.process, { terminal: false, capabilities: {} });
  if (user !== undefined) config.process.user.uid = user;
  const mounts = config.mounts.filter(({ type }: { type: string }) => !["cgroup", "sysfs"].includes(type));
  config.mounts = [...mounts, { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=1777"] }];
  config.linux.namespaces = config.linux.namespaces.filter(({ type }: { type: string }) => type !== "network");
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));

  const id = `lossi-${process.pid}-${port}`;
  const child = spawn("runc", ["--root", join(folder, "state"), "run", "--bundle", folder, id]);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += String(data)));
  const ended = once(child, "close").then(([code]) => code as number | null);
  const stop = (): Promise<number | null> => {
    child.kill("SIGTERM");
    return ended;
  };
  onTestFinished(async () => void (await stop()));
  return { url: `http://127.0.0.1:${port}`, output: () => output, ended, stop };
}

/** Its first answer to a probe. */
export async function firstAnswer(container: Container): Promise<number> {
  let status = 0;
  void container.ended.then(() => (status ||= -1));
  await until(async () => {
    status ||= await fetch(`${container.url}/healthz`).then(
      (response) => response.status,
      () => 0,
    );
    return status !== 0;
  });
  return status;
}

export const json = (file: string): any => JSON.parse(readFileSync(file, "utf8"));

async function succeed(command: string, args: string[], options: SpawnOptions): Promise<void> {
  const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (data) => (output += String(data)));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}: ${output.slice(-4000)}`);
}
