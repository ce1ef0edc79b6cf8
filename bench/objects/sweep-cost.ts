import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { CONFIGURATION_DOCUMENT } from "#shared/configuration.ts";
import type { Configuration } from "#shared/configuration.ts";
import { storeName, watchBucket } from "#shared/objects/watched.ts";
import { openSqliteState } from "#shared/state/sqlite.ts";
import type { Json, State } from "#shared/state/state.ts";
import { openFilesStore } from "#shared/store/files.ts";
import { objectsUnder } from "#shared/store/pages.ts";
import type { Store } from "#shared/store/store.ts";

import { NONE, send } from "../calls.ts";
import { startFunction, pingEvent } from "../functions.ts";
import type { Figure, Measure, Row } from "../measure.ts";
import { cpuMs } from "../processes.ts";
import { median } from "../statistics.ts";
import { startGateway } from "./gateway.ts";
import { BUCKET } from "./scene.ts";

const OBJECTS = 100_000;
const FOLDERS = 100;
const AT_ONCE = 64;
const SWEEPS = 3;

const STORES = { files: "files", s3: "S3", swift: "Swift" } as const;
type Name = keyof typeof STORES;
const time = (name: Name): string => `${STORES[name]}, one sweep`;
const processor = (name: Name): string => `${STORES[name]}, processor time of \`bucket-events\``;

export const sweepCost: Measure = {
  title: `A sweep of ${OBJECTS.toLocaleString("en").replace(",", " ")} objects`,
  about: `\`bucket-events\` as a process of its own, without the platform before it, over a bucket with ${OBJECTS} objects in
    ${FOLDERS} folders, all of which it told of before and none of which changed: median of ${SWEEPS} sweeps after a first
    one. S3 and Swift are the gateway of \`npm run allas\`, on the same processors as the sweep. Files that were dropped
    in, as these, have no checksum but that of their bytes, so a sweep reads them all; gateways keep one.`,
  rows: (Object.keys(STORES) as Name[]).flatMap((name): Row[] => [
    { name: time(name), unit: "ms" },
    { name: processor(name), unit: "ms" },
  ]),
  async run({ folder }) {
    const found = new Map<string, Figure>();
    const add = async (name: Name, configuration: Record<string, string>, store: Store): Promise<void> => {
      const { milliseconds, cpu } = await sweepOf(join(folder, name), configuration, store);
      found.set(time(name), { value: milliseconds });
      found.set(processor(name), { value: cpu });
    };
    const stored = join(folder, "files/store");
    fillFiles(join(stored, BUCKET));
    const files = openFilesStore({ folder: stored });
    await add("files", {}, files);
    files.close();
    mkdirSync(join(folder, "gateway"));
    const gateway = await startGateway(join(folder, "gateway"));
    if (gateway === null) return found;
    try {
      await fillBucket(gateway.store);
      await add("s3", gateway.s3, gateway.store);
      await add("swift", gateway.swift, gateway.store);
    } finally {
      await gateway.stop();
    }
    return found;
  },
};

const keys = (): string[] => Array.from({ length: OBJECTS }, (_, n) => `in/${n % FOLDERS}/${n}.csv`);

function fillFiles(bucket: string): void {
  for (let n = 0; n < FOLDERS; n++) mkdirSync(join(bucket, `in/${n}`), { recursive: true });
  for (const key of keys()) writeFileSync(join(bucket, key), "1,2\n");
}

async function fillBucket(store: Store): Promise<void> {
  await store.createBucket(BUCKET);
  const left = keys().values();
  const work = async (): Promise<void> => {
    for (const key of left) await store.put(BUCKET, key, "1,2\n");
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/** Sweeps a bucket whose every object is known. */
async function sweepOf(home: string, over: Record<string, string>, store: Store) {
  const configuration = { ...NONE, ...over } as Configuration;
  mkdirSync(home, { recursive: true });
  const state = openSqliteState({ folder: home });
  await state.documents.put(CONFIGURATION_DOCUMENT, configuration);
  await watchBucket(BUCKET, configuration, { documents: state.documents, store, storeTime: new Date(0) });
  await tellAll(state, `object/${storeName(configuration)}/${BUCKET}/`, store);
  state.close();
  const started = await startFunction("bucket-events", home);
  try {
    const times: number[] = [];
    const costs: number[] = [];
    for (let round = 0; round <= SWEEPS; round++) {
      const [begun, before] = [performance.now(), cpuMs(started.pid)];
      const { status, text } = await send(started.url, pingEvent());
      if (status >= 300) throw new Error(`the sweep answered ${status} ${text}`);
      if (round === 0) continue;
      times.push(performance.now() - begun);
      costs.push(cpuMs(started.pid) - before);
    }
    const { lastSweep } = JSON.parse((await send(`${started.url}/bucket-events`)).text) as { lastSweep: Json };
    const { objects, told } = lastSweep as { objects: number; told: number };
    if (objects !== OBJECTS || told !== 0) throw new Error(`the sweep saw ${objects} objects and told of ${told}`);
    return { milliseconds: median(times), cpu: median(costs) };
  } finally {
    await started.stop();
  }
}

/** Notes every object as told of, as `bucket-events` does. */
async function tellAll({ documents }: State, prefix: string, store: Store): Promise<void> {
  let waiting: Promise<unknown>[] = [];
  for await (const { key, etag } of objectsUnder(store, BUCKET)) {
    waiting.push(documents.put(prefix + key, { etag }, { outlives: "process" }));
    if (waiting.length < AT_ONCE) continue;
    await Promise.all(waiting);
    waiting = [];
  }
  await Promise.all(waiting);
}
