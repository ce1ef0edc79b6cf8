import { randomUUID } from "node:crypto";

import { LossiError, codeOf, messageOf } from "#shared/errors.ts";
import { CHECKS } from "#shared/objects/watched.ts";
import type { Store } from "#shared/store/store.ts";

/**
 * Makes a bucket, writes an object there, reads it and removes it; answers when that was, by the store's clock. Throws what
 * failed in which step.
 */
export async function checkAccess(store: Store, bucket: string): Promise<Date> {
  const body = randomUUID();
  const key = CHECKS + body;
  await step(`bucket ${bucket} cannot be made`, store.createBucket(bucket));
  await step(`bucket ${bucket} cannot be written`, store.put(bucket, key, body));
  const read = await step(`bucket ${bucket} cannot be read`, store.get(bucket, key));
  const { objects } = await step(`bucket ${bucket} cannot be listed`, store.list(bucket, { prefix: key }));
  if (read === null || Buffer.from(read.body).toString() !== body || objects.length === 0)
    throw new LossiError("unavailable", `bucket ${bucket} does not give back what was written there`);
  await step(`objects of bucket ${bucket} cannot be removed`, store.delete(bucket, key));
  return read.lastModified;
}

/** What the body of the call is to blame for is `invalid`. */
async function step<T>(what: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const [code, why] = [codeOf(error), messageOf(error)];
    if (code === "credentials" || code === "forbidden" || code === "rejected" || code === "not_found")
      throw new LossiError(code === "forbidden" ? "forbidden" : "invalid", `body: ${what}: ${why}`, { cause: error });
    throw new LossiError(code, `${what}: ${why}`, { cause: error });
  }
}
