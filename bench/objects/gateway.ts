/** The gateway that `npm run allas` starts, for a measure; where Ceph is not installed there is none. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

import { openSqliteState } from "#shared/state/sqlite.ts";
import { openS3Store } from "#shared/store/s3.ts";
import type { Store } from "#shared/store/store.ts";

import { startTwin } from "../../allas/twin.ts";
import type { Twin } from "../../allas/twin.ts";

export type Gateway = {
  s3: Record<string, string>;
  swift: Record<string, string>;
  store: Store;
  stop: () => Promise<void>;
};

/** Starts it, with what configuration says of it over either API; `null` without Ceph. */
export async function startGateway(folder: string): Promise<Gateway | null> {
  if (spawnSync("radosgw", ["--version"], { stdio: "ignore" }).status !== 0) return null;
  const twin = await startTwin({ folder: join(folder, "twin") });
  const state = openSqliteState({ folder: join(folder, "turns") });
  const store = await openS3Store({ ...twin.s3, turns: { documents: state.documents, onCollision: () => {} } });
  return {
    s3: s3Of(twin),
    swift: await swiftOf(twin),
    store,
    async stop() {
      store.close();
      state.close();
      await twin.stop();
    },
  };
}

const s3Of = ({ s3 }: Twin): Record<string, string> => ({
  "used-client": "s3",
  endpoint: s3.endpoint,
  region: s3.region,
  "access-key-id": s3.accessKeyId,
  "secret-access-key": s3.secretAccessKey,
});

async function swiftOf(twin: Twin): Promise<Record<string, string>> {
  const { url, token } = await twin.swiftToken();
  return { "used-client": "swift", "pre-auth-url": url, "pre-auth-token": token };
}
