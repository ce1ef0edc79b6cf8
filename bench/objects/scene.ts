/** The platform over a store, and somebody outside who hears what happens to its objects. */
import { once } from "node:events";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { NONE, callJson } from "../calls.ts";
import { startPlatform } from "../platform.ts";
import type { Started } from "../processes.ts";

/** Where configuration makes its bucket. */
export const BUCKET = "none-submitter-none-none";

/** What the automation sends about each object beneath `in/`. */
const ARRIVED = "org.example.file.arrived.v1";
const TOLD = "dev.lossi.object.created.v1";

export type Scene = {
  home: string;
  platform: Started & { url: string };
  /** Resolves with the times at which a key was told of, and the automation's event about it came. */
  handled: (key: string) => Promise<{ told: number; done: number }>;
  stop: () => Promise<void>;
};

export type SceneOptions = { configuration?: Record<string, string>; env?: Record<string, string> };

/** Starts it with an automation for what appears beneath `in/`. */
export async function startScene(folder: string, { configuration = {}, env = {} }: SceneOptions = {}): Promise<Scene> {
  const listener = await listen();
  const manifests = manifestsLeadingTo(listener.url, folder);
  const home = join(folder, "home");
  const platform = await startPlatform(home, { manifests, env });
  await callJson(`${platform.url}/setup/config/init`, "POST", { ...NONE, ...configuration });
  await callJson(`${platform.url}/automation/arrived`, "PUT", {
    watch: { bucket: BUCKET, prefix: "in/" },
    run: { event: { type: ARRIVED, data: { key: "{key}" } } },
    "runs-per-hour": 100_000,
  });
  return {
    home,
    platform,
    handled: listener.handled,
    async stop() {
      await platform.stop();
      listener.close();
    },
  };
}

type Heard = Partial<Record<string, number>>;

/** A subscriber outside; it answers at once. */
async function listen() {
  const heard = new Map<string, Heard>();
  const waiting = new Map<string, () => void>();
  const server = createServer((req, res) => {
    const at = performance.now();
    let text = "";
    req.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    req.on("end", () => {
      res.writeHead(202).end();
      const { key } = JSON.parse(text) as { key: string };
      const type = String(req.headers["ce-type"]);
      heard.set(key, { [type]: at, ...heard.get(key) });
      waiting.get(key)?.();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    handled: (key: string) =>
      new Promise<{ told: number; done: number }>((resolve) => {
        const look = (): void => {
          const { [TOLD]: told, [ARRIVED]: done } = heard.get(key) ?? {};
          if (told === undefined || done === undefined) return;
          waiting.delete(key);
          heard.delete(key);
          resolve({ told, done });
        };
        waiting.set(key, look);
        look();
      }),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The project's manifests, and a Trigger that leads to the listener for each type it hears. */
function manifestsLeadingTo(url: string, folder: string): string {
  const manifests = join(folder, "manifests");
  cpSync(join(import.meta.dirname, "../../knative/base"), manifests, { recursive: true });
  const trigger = readFileSync(join(manifests, "automation/trigger.yaml"), "utf8");
  for (const [name, type] of [
    ["told", TOLD],
    ["arrived", ARRIVED],
  ] as const) {
    const own = trigger
      .replace(/name: automation-on-[a-z-]+/, `name: bench-on-${name}`)
      .replace(TOLD, type)
      .replace(/subscriber:[^]*/, `subscriber:\n    uri: ${url}\n`);
    writeFileSync(join(manifests, `bench-${name}.yaml`), own);
  }
  return manifests;
}
