/** Changes in a bucket through both APIs, somebody who hears of them, and what has to be true in the end. */
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { expect, onTestFinished } from "vitest";

import { codeOf } from "#shared/errors.ts";
import { documentsUnder } from "#shared/state/pages.ts";
import type { State } from "#shared/state/state.ts";
import { objectsUnder } from "#shared/store/pages.ts";
import type { Store } from "#shared/store/store.ts";

import type { Twin } from "../../allas/twin.ts";
import { openS3, openSwift } from "../contract/allas-stores.ts";
import { md5 } from "../contract/store.ts";
import { manifestsWith, stateOf, temporaryFolder, until } from "./lossi.ts";
import type { Lossi } from "./lossi.ts";

const KEYS = 400;
const CLIENTS = 8;
/** Seconds for hundreds of changes to be told where other tests need the processors as well. */
const PATIENCE = 120;

export type Told = { type: string; key: string; etag: string | null };
export type Recorder = { manifests: string; told: () => Told[] };

/** A subscriber outside, which takes every event of objects; manifests with the Triggers that lead to it. */
export async function startRecorder(): Promise<Recorder> {
  const byId = new Map<string, Told>();
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    req.on("end", () => {
      const { key, etag = null } = JSON.parse(Buffer.concat(chunks).toString()) as { key: string; etag?: string };
      byId.set(String(req.headers["ce-id"]), { type: String(req.headers["ce-type"]).split(".")[3] ?? "", key, etag });
      res.writeHead(202).end();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { manifests: manifestsLeadingTo(port), told: () => [...byId.values()] };
}

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

/** An automation that has an effect for each state of every tenth key. */
export async function automate(lossi: Lossi, bucket: string): Promise<void> {
  const watch = { bucket, prefix: "k/", suffix: "7" };
  const run = { task: { name: "tasks.forwarder-requests", payload: { mode: "logs" } } };
  const { status } = await lossi.call("PUT", "/automation/effect", { watch, run, "runs-per-hour": 100_000 });
  expect(status).toBe(200);
}
const acts = ({ type, key }: Told): boolean => type === "created" && key.endsWith("7");

export type Both = { s3: Store; swift: Store };

export async function openBoth(twin: Twin): Promise<Both> {
  const folder = temporaryFolder();
  const s3 = await openS3({ folder, s3: twin.s3 });
  const swift = await openSwift({ folder, access: await twin.swiftToken() });
  onTestFinished(() => [s3, swift].forEach((store) => store.close()));
  return { s3, swift };
}

/**
 * Puts, overwrites, deletes, and puts that are refused and notify all the same; no body comes twice, also not with another
 * `first`. Answers the ETags of what was refused.
 */
export async function change(bucket: string, { s3, swift }: Both, first: number, count: number): Promise<string[]> {
  const refused: string[] = [];
  const numbers = Array.from({ length: count }, (_, n) => first + n).values();
  const client = async (index: number): Promise<void> => {
    for (const n of numbers) {
      const store = (n + index) % 2 === 0 ? s3 : swift;
      const key = `k/${(n * 7919) % KEYS}`;
      if (n % 5 === 0) await surely(() => store.delete(bucket, key));
      else if (n % 11 === 0) {
        const put = await surely(() => s3.put(bucket, key, `phantom ${n}`, { ifNoneMatch: "*" }));
        if (put === null) refused.push(md5(`phantom ${n}`));
      } else await surely(() => store.put(bucket, key, `${n}`));
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, index) => client(index)));
  return refused;
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

export type Settling = { bucket: string; store: Store; recorder: Recorder; refused: string[]; output: () => string };

/** Waits until the last state of every key was told, and checks that nothing was told or done twice or without ground. */
export async function expectToldOnce(home: string, { bucket, store, recorder, refused, output }: Settling) {
  const final = new Map<string, string>();
  for await (const { key, etag } of objectsUnder(store, bucket, "k/")) final.set(key, etag);
  const state = await stateOf(home);
  const isKnown = async (): Promise<boolean> => {
    const known = await knownOf(state, bucket);
    return (
      [...final].every(([key, etag]) => known.get(key) === etag) &&
      [...known].every(([key, etag]) => (final.get(key) ?? null) === etag)
    );
  };
  await until(isKnown, PATIENCE, () => output().slice(-2000));
  await until(async () => (await state.outbox.nextDue()) === null, PATIENCE);
  const created = () => recorder.told().filter(({ type }) => type === "created");
  await until(
    () => [...final].every(([key, etag]) => created().some((one) => one.key === key && one.etag === etag)),
    PATIENCE,
  );

  const tasks = async () => (await state.ledger.list({ limit: 1000 })).tasks;
  const effects = () => recorder.told().filter(acts).length;
  const counts = { tasks: 0 };
  await until(
    async () => {
      const all = await tasks();
      counts.tasks = all.length;
      return all.length === effects() && all.every(({ status }) => status === "SUCCESS");
    },
    PATIENCE,
    () => `${counts.tasks} tasks for ${effects()} states`,
  );
  // Every body is another, so a state that is told twice is the same change told twice.
  const states = created().map(({ key, etag }) => `${key} ${etag}`);
  expect(states).toHaveLength(new Set(states).size);
  expect(created().filter(({ etag }) => etag !== null && refused.includes(etag))).toEqual([]);
  return { keys: final.size, told: recorder.told().length, effects: effects() };
}

/** What was told last of each key; `null`: that it is gone. */
async function knownOf({ documents }: State, bucket: string): Promise<Map<string, string | null>> {
  const known = new Map<string, string | null>();
  for await (const { key, value } of documentsUnder(documents, "object/"))
    if (key.includes(`/${bucket}/k/`)) known.set(key.slice(key.indexOf("/k/") + 1), (value as { etag: string }).etag);
  return known;
}
