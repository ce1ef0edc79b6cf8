import { readFileSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { codeOf } from "#shared/errors.ts";
import { openSqliteState } from "#shared/state/sqlite.ts";
import type { Store } from "#shared/store/store.ts";

import { openS3, openSwift } from "../contract/allas-stores.ts";
import { md5 } from "../contract/store.ts";
import { hasCeph, s3Configuration, twinOfThisFile } from "../twin.ts";
import { functionProcesses, manifestsWith, startLossi, temporaryFolder, until } from "./lossi.ts";
import type { Lossi } from "./lossi.ts";

const OPERATIONS = 5000;
const KEYS = 400;
const CLIENTS = 8;

type Told = { type: string; key: string; etag: string | null };

/** A subscriber outside, which takes every event of objects; by their ids. */
async function startRecorder(): Promise<{ port: number; told: Map<string, Told> }> {
  const told = new Map<string, Told>();
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    req.on("end", () => {
      const { key, etag = null } = JSON.parse(Buffer.concat(chunks).toString()) as { key: string; etag?: string };
      told.set(String(req.headers["ce-id"]), { type: String(req.headers["ce-type"]).split(".")[3] ?? "", key, etag });
      res.writeHead(202).end();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, told };
}

/** The manifests, and a Trigger that leads to the recorder for each type of event. */
function manifestsLeadingTo(port: number): string {
  const folder = manifestsWith({});
  const trigger = readFileSync(join(folder, "automation/trigger.yaml"), "utf8");
  for (const type of ["created", "removed"]) {
    const own = trigger
      .replace("name: automation-on-object-created", `name: recorder-on-object-${type}`)
      .replace("dev.lossi.object.created.v1", `dev.lossi.object.${type}.v1`)
      .replace(/subscriber:[^]*/, `subscriber:\n    uri: http://127.0.0.1:${port}/\n`);
    writeFileSync(join(folder, `recorder-${type}.yaml`), own);
  }
  return folder;
}

/** Again while the gateway is away. */
async function surely<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (codeOf(error) !== "unavailable") throw error;
      await new Promise((done) => setTimeout(done, 50));
    }
  }
}

describe.skipIf(!hasCeph)("what happens in a bucket", async () => {
  if (!hasCeph) return;
  const twin = await twinOfThisFile();

  test("5000 changes through both APIs while everything is killed: each key's last state is told, no state acts twice", async () => {
    const recorder = await startRecorder();
    const manifests = manifestsLeadingTo(recorder.port);
    const home = join(temporaryFolder(), "home");
    const start = () => startLossi({ home, manifests, env: { LOSSI_SWEEP_CRON: "* * * * * *" } });
    let lossi: Lossi = await start();
    const configuration = { ...s3Configuration(twin), "ice-id": "chaos" };
    expect((await lossi.call("POST", "/setup/config/init", configuration)).status).toBe(200);
    await lossi.call("POST", "/setup/config/start");
    const bucket = "project-submitter-chaos-me";
    const watch = { bucket, prefix: "k/", suffix: "7" };
    const run = { task: { name: "tasks.forwarder-requests", payload: { mode: "logs" } } };
    await lossi.call("PUT", "/automation/effect", { watch, run, "runs-per-hour": 100_000 });

    const folder = temporaryFolder();
    const stores: Store[] = [
      await openS3({ folder, s3: twin.s3 }),
      await openSwift({ folder, access: await twin.swiftToken() }),
    ];
    onTestFinished(() => stores.forEach((store) => store.close()));
    const refused: string[] = [];
    const work = { left: OPERATIONS };
    const client = async (index: number): Promise<void> => {
      for (; work.left > 0;) {
        const n = (work.left -= 1);
        const store = stores[(n + index) % 2] as Store;
        const key = `k/${(n * 7919) % KEYS}`;
        if (n % 5 === 0) await surely(() => store.delete(bucket, key));
        else if (n % 11 === 0) {
          const put = await surely(() => (stores[0] as Store).put(bucket, key, `phantom ${n}`, { ifNoneMatch: "*" }));
          if (put === null) refused.push(md5(`phantom ${n}`));
        } else await surely(() => store.put(bucket, key, `${n}`));
      }
    };
    const running = { done: false };
    const killing = (async () => {
      for (let round = 0; !running.done; round++) {
        await new Promise((done) => setTimeout(done, 400));
        for (const { pid } of functionProcesses(home)) kill(pid);
        if (round % 6 === 3) {
          await twin.stopGateway(round % 12 === 3 ? "SIGTERM" : "SIGKILL");
          await twin.startGateway();
        }
        if (round % 6 === 5) {
          await lossi.kill();
          lossi = await start();
        }
      }
    })();
    await Promise.all(Array.from({ length: CLIENTS }, (_, index) => client(index)));
    running.done = true;
    await killing;

    const [s3] = stores as [Store];
    const final = new Map<string, string>();
    for (let after = ""; ;) {
      const page = await s3.list(bucket, { prefix: "k/", ...(after !== "" && { after }) });
      for (const { key, etag } of page.objects) final.set(key, etag);
      if (page.next === null) break;
      after = page.next;
    }
    const state = openSqliteState({ folder: home });
    onTestFinished(() => state.close());
    const known = async (): Promise<Map<string, string | null>> => {
      const documents = await state.documents.list("object/");
      const own = documents.filter(({ key }) => key.includes(`/${bucket}/k/`));
      return new Map(own.map(({ key, value }) => [key.slice(key.indexOf("/k/") + 1), (value as any).etag]));
    };
    const isTold = async (): Promise<boolean> => {
      const now = await known();
      const right = [...now].filter(([key, etag]) => (final.get(key) ?? null) === etag);
      return right.length === now.size && [...final.keys()].every((key) => now.has(key));
    };
    await until(isTold, 60, () => lossi.output().slice(-2000));
    await until(async () => (await state.outbox.nextDue()) === null, 60);
    const told = () => [...recorder.told.values()];
    await until(
      () => [...final].every(([key, etag]) => told().some((one) => one.key === key && one.etag === etag)),
      30,
    );
    expect(told().filter(({ etag }) => etag !== null && refused.includes(etag))).toEqual([]);

    const acted = () => told().filter(({ type, key }) => type === "created" && key.endsWith("7")).length;
    const tasks = async () => (await state.ledger.list({ limit: 1000 })).tasks;
    await until(
      async () => (await tasks()).length === acted() && (await tasks()).every(({ status }) => status === "SUCCESS"),
      60,
    );
    expect(refused.length).toBeGreaterThan(50);
  }, 300_000);
});

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}
