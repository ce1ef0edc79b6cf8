/** The place a function runs in: the laptop platform when it says where it is, else the cluster around this container. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { BaseConfig } from "../config.ts";
import { LossiError } from "../errors.ts";
import type { Cluster } from "./cluster.ts";
import { openApi } from "./kubernetes/api.ts";
import { isInCluster } from "./kubernetes/config.ts";
import { openKubernetesCluster } from "./kubernetes/kubernetes.ts";
import { openLocalCluster } from "./local.ts";

/** Where Kubernetes mounts a service account's token and the authority of its API server. */
const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

export type ClusterConfig = Pick<
  BaseConfig,
  "LOSSI_CLUSTER_URL" | Extract<keyof BaseConfig, `KUBERNETES_${string}` | `LOSSI_EXPORT_${string}`>
>;

export function openCluster(config: ClusterConfig, account = ACCOUNT): Cluster {
  if (!isInCluster(config)) return openLocalCluster(config.LOSSI_CLUSTER_URL);
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = config;
  const url = `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
  return openKubernetesCluster({
    api: openApi({ url, token: () => read(account, "token").trim(), ca: () => read(account, "ca.crt") }),
    exportNamespaces: config.LOSSI_EXPORT_NAMESPACES,
    exportAddress: config.LOSSI_EXPORT_ADDRESS,
  });
}

function read(folder: string, name: string): string {
  try {
    return readFileSync(join(folder, name), "utf8");
  } catch (cause) {
    const message = `${join(folder, name)} cannot be read; the service account of this function needs its token mounted`;
    throw new LossiError("unavailable", message, { cause });
  }
}
