import type { Store } from "./store.ts";

/** A store that is asked for at each call; whoever opens it closes it. */
export const lazyStore = (find: () => Promise<Store>): Omit<Store, "close"> => ({
  createBucket: async (bucket) => (await find()).createBucket(bucket),
  get: async (bucket, key, range) => (await find()).get(bucket, key, range),
  stream: async (bucket, key) => (await find()).stream(bucket, key),
  head: async (bucket, key) => (await find()).head(bucket, key),
  put: async (bucket, key, body, put) => (await find()).put(bucket, key, body, put),
  delete: async (bucket, key) => (await find()).delete(bucket, key),
  list: async (bucket, list) => (await find()).list(bucket, list),
  link: async (bucket, key, seconds) => (await find()).link(bucket, key, seconds),
});
