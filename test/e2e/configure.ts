/** Keeps the objects and tasks of a test apart from all others on the same lossi. */
import { randomUUID } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { expect, onTestFinished } from "vitest";

import { submitterBucket } from "#shared/configuration.ts";
import type { Configuration } from "#shared/configuration.ts";
import { openFilesStore } from "#shared/store/files.ts";
import { lazyStore } from "#shared/store/lazy.ts";
import { objectsUnder } from "#shared/store/pages.ts";
import type { Store } from "#shared/store/store.ts";

import { s3Access } from "../../allas/init.ts";
import { openS3 } from "../contract/allas-stores.ts";
import { s3OfEdge, s3ToTellEdge } from "./edge.ts";
import type { S3 } from "./edge.ts";
import { NONE, isPlatform, temporaryFolder } from "./lossi.ts";
import type { Lossi } from "./lossi.ts";

type Objects = Omit<Store, "close">;

export type Configured = {
  /** The body of `init`. */
  configuration: Record<string, string>;
  user: string;
  bucket: string;
  /** Where the jobs are. */
  store: Objects;
  /** Writes as somebody else does who shares the bucket: a plain file, or an upload. */
  drop: (key: string, body: string | Buffer) => Promise<void>;
  text: (key: string) => Promise<string | null>;
  job: (key: number | string) => Promise<any>;
  /** The keys of the jobs, ascending. */
  jobs: () => Promise<number[]>;
};

/** Calls `init` with a user and buckets that nobody else has; in an S3, or else where `none` leads. */
export async function configure(
  lossi: Lossi,
  s3 = isPlatform(lossi) ? undefined : s3ToTellEdge(),
  /** What `init` says of that place. */
  access: Record<string, string> = s3 === undefined ? {} : s3Access({ s3 }),
): Promise<Configured> {
  const own = () => `test-${randomUUID().slice(0, 8)}`;
  const user = own();
  const configuration = { ...NONE, ...access, "ice-id": own(), user };
  const { status, text } = await lossi.call("POST", "/setup/config/init", configuration);
  expect(status, text).toBe(200);
  const bucket = submitterBucket(configuration as unknown as Configuration, user);
  const folder = s3 === undefined && isPlatform(lossi) ? join(lossi.home, "store") : null;
  let opened: Promise<Store> | undefined;
  // Who looks at no objects need not know where they are.
  const store = lazyStore(() => (opened ??= open(folder, s3)));
  return { configuration, user, bucket, store, ...objectsIn(store, bucket, folder) };
}

async function open(folder: string | null, s3?: S3): Promise<Store> {
  const store =
    folder === null ? await openS3({ folder: temporaryFolder(), s3: s3 ?? s3OfEdge() }) : openFilesStore({ folder });
  onTestFinished(() => store.close());
  return store;
}

function objectsIn(store: Objects, bucket: string, folder: string | null) {
  const text = async (key: string): Promise<string | null> => {
    const object = await store.get(bucket, key);
    return object && Buffer.from(object.body).toString();
  };
  return {
    async drop(key: string, body: string | Buffer) {
      if (folder === null) return void (await store.put(bucket, key, body));
      const file = join(folder, bucket, key);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, body);
    },
    text,
    job: async (key: number | string) => JSON.parse((await text(`JOBS/${key}`)) ?? "null"),
    async jobs() {
      const keys: number[] = [];
      for await (const { key } of objectsUnder(store, bucket, "JOBS/")) keys.push(Number(key.slice("JOBS/".length)));
      return keys.toSorted((a, b) => a - b);
    },
  };
}

/** Turns the schedule and the sweep on; of somebody else's lossi, until the test ends. */
export async function sweeping(lossi: Lossi): Promise<void> {
  await lossi.call("POST", "/setup/config/start");
  if (!isPlatform(lossi)) onTestFinished(async () => void (await lossi.call("POST", "/setup/config/stop")));
}

/** All tasks of a user, page by page. */
export async function tasksOf(lossi: Lossi, user: string): Promise<any[]> {
  const tasks: any[] = [];
  for (let after = ""; ;) {
    const { json } = await lossi.call("GET", `/tasks?limit=1000&user=${user}${after}`);
    tasks.push(...json.tasks);
    if (json.next === null) return tasks;
    after = `&after=${json.next}`;
  }
}
