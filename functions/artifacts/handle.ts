import { requireConfiguration, submitterBucket } from "#shared/configuration.ts";
import { readFields } from "#shared/jobs/object.ts";
import type { Documents, Json } from "#shared/state/state.ts";
import type { Store } from "#shared/store/store.ts";

export type Deps = { store: Store; documents: Documents };
export type Payload = { type: string; input: { key: string; user: string | null } };

export async function artifact({ input }: Payload, { store, documents }: Deps): Promise<Json> {
  const configuration = await requireConfiguration(documents);
  const object = await store.get(submitterBucket(configuration, input.user ?? configuration.user), `JOBS/${input.key}`);
  return { "job-status": object === null ? null : (readFields(object.body, input.key) as Json) };
}
