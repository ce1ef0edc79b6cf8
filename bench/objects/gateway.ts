/** The gateway that `npm run allas` starts, for a measure; where Ceph is not installed there is none. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

import { openSqliteState } from "#shared/state/sqlite.ts";
import { openS3Store } from "#shared/store/s3.ts";
import type { Store } from "#shared/store/store.ts";

import { s3Access, swiftAccess } from "../../allas/init.ts";
import { startTwin } from "../../allas/twin.ts";

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
    s3: s3Access(twin),
    swift: await swiftAccess(twin),
    store,
    async stop() {
      store.close();
      state.close();
      await twin.stop();
    },
  };
}
