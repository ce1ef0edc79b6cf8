/** One process of a contended test: says when it is open, waits for the word, works, answers. */
import { createHash, randomInt } from "node:crypto";
import { once } from "node:events";

import type { Store } from "#shared/store/store.ts";

import type { Work } from "./store-children.ts";
import { openStore } from "./store-opening.ts";
import type { Opening } from "./store-opening.ts";

type Job = Work & { opening: Opening; index: number };

const works: Record<Work["work"], (store: Store, job: Job) => Promise<unknown>> = {
  async create(store, { bucket, index, amount }) {
    const won: string[] = [];
    for (let n = 0; n < amount; n++) {
      const key = `key/${n}`;
      const put = await store.put(bucket, key, `${index}`, { ifNoneMatch: "*", metadata: { by: `${index}` } });
      if (put !== null) won.push(key);
    }
    return won;
  },

  async increment(store, { bucket, amount }) {
    for (let done = 0; done < amount;) {
      const { body, etag } = (await store.get(bucket, "counter"))!;
      const version = `${Number(Buffer.from(body).toString()) + 1}`;
      if ((await store.put(bucket, "counter", version, { ifMatch: etag, metadata: { version } })) !== null) done++;
    }
  },

  async rewrite(store, { bucket, index, amount }) {
    for (let n = 0; n < amount; n++) {
      const body = `${index}:${n}:`.repeat(n);
      const md5 = createHash("md5").update(body).digest("hex");
      await store.put(bucket, "key", body, { metadata: { md5 } });
    }
  },

  /** Keys that get in each other's way: an object and what lies below it come and go in turn. */
  async churn(store, { bucket, amount }) {
    for (let n = 0; n < amount; n++) {
      for (const key of ["a", "a/b", "a/b/c"]) await store.put(bucket, key, "");
      for (const key of ["a/b", "a", "a/b/c"]) await store.delete(bucket, key);
    }
  },

  /** Never ends: it is killed. */
  async large(store, { bucket, amount }) {
    for (;;) {
      const version = `${randomInt(1, 256)}`;
      await store.put(bucket, "large", Buffer.alloc(amount, Number(version)), { metadata: { version } });
    }
  },

  /** Never ends: it is killed while it holds the lock of the files store. */
  async hold(_store, { opening }) {
    const { openFolderLock } = await import("#shared/store/folder-lock.ts");
    openFolderLock((opening.options as { folder: string }).folder).hold(() => {
      process.send?.("held");
      for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });
  },
};

const job = JSON.parse(process.argv[2] ?? "") as Job;
const store = await openStore(job.opening);
const begin = once(process, "message");
process.send?.("open");
await begin;
const result = await works[job.work](store, job);
process.send?.(result ?? null);
store.close();
process.disconnect?.();
