/** What `"used-client": "none"` means: files on a laptop; in a cluster, where functions share none, the S3 of AWS's own variables. */
import { join } from "node:path";

import { isInCluster } from "../cluster/kubernetes/config.ts";
import { LossiError } from "../errors.ts";
import { embeddedVariables } from "./embedded-config.ts";
import type { EmbeddedConfig } from "./embedded-config.ts";
import { openFilesStore } from "./files.ts";
import { lazyStore } from "./lazy.ts";
import type { Store } from "./store.ts";
import type { Turns } from "./turns.ts";

/** In a cluster without these variables every call throws `invalid`, which says what would be right. */
export function openEmbeddedStore(config: EmbeddedConfig, turns: Turns): Store {
  if (!isInCluster(config)) return openFilesStore({ folder: join(config.LOSSI_HOME, "store") });
  let opened: Promise<Store> | undefined;
  const open = async (): Promise<Store> => {
    const missing = Object.keys(embeddedVariables).filter(
      (name) => config[name as keyof typeof embeddedVariables] === "",
    );
    if (missing.length > 0)
      throw new LossiError(
        "invalid",
        `used-client: none keeps objects in files, and functions in a cluster share none; choose swift or s3, or let the Secret lossi name an S3 (${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} not set)`,
      );
    const { openS3Store } = await import("./s3.ts");
    return openS3Store({
      endpoint: config.AWS_ENDPOINT_URL,
      region: config.AWS_REGION,
      accessKeyId: config.AWS_ACCESS_KEY_ID,
      secretAccessKey: config.AWS_SECRET_ACCESS_KEY,
      turns,
    });
  };
  const close = (): void => void opened?.then((store) => store.close()).catch(() => {});
  return { ...lazyStore(() => (opened ??= open())), close };
}
