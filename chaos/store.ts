/** Where jobs are put: Ceph's gateway, which can be killed, where it is installed, else the embedded files. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

import { CONFIGURATION_KEYS, submitterBucket } from "#shared/configuration.ts";
import type { Configuration } from "#shared/configuration.ts";
import { openSqliteState } from "#shared/state/sqlite.ts";
import { openFilesStore } from "#shared/store/files.ts";
import { openS3Store } from "#shared/store/s3.ts";

import { s3Init } from "../allas/init.ts";
import { startTwin } from "../allas/twin.ts";
import { listJobs } from "./account.ts";

export type ChaosStore = {
  name: string;
  /** For `setup/config/init`. */
  configuration: Record<string, string>;
  /** SIGKILL, and the start after it; `null` where the store has no process. */
  gateway: { kill: () => Promise<void>; start: () => Promise<void> } | null;
  /** The keys of jobs, by the task that made each. */
  jobs(): Promise<Map<string, string[]>>;
  stop(): Promise<void>;
};

export async function openChaosStore(folder: string, home: string): Promise<ChaosStore> {
  if (spawnSync("radosgw", ["--version"]).status !== 0) return embedded(home);
  const twin = await startTwin({ folder: join(folder, "allas") });
  const configuration = s3Init(twin, "chaos");
  return {
    name: "a Ceph gateway over S3",
    configuration,
    gateway: { kill: () => twin.stopGateway("SIGKILL"), start: () => twin.startGateway() },
    async jobs() {
      const state = openSqliteState({ folder: home });
      const turns = { documents: state.documents, onCollision: () => {} };
      const store = await openS3Store({ ...twin.s3, turns });
      try {
        return await listJobs(store, bucketOf(configuration));
      } finally {
        store.close();
        state.close();
      }
    },
    stop: () => twin.stop(),
  };
}

function embedded(home: string): ChaosStore {
  const configuration = Object.fromEntries(CONFIGURATION_KEYS.map((key) => [key, "none"]));
  return {
    name: "files, which have no process to kill (with Ceph's radosgw installed there would be one)",
    configuration,
    gateway: null,
    jobs: () => listJobs(openFilesStore({ folder: join(home, "store") }), bucketOf(configuration)),
    stop: async () => {},
  };
}

const bucketOf = (configuration: Record<string, string>): string =>
  submitterBucket(configuration as Configuration, configuration["user"] ?? "");
