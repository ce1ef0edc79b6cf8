import * as z from "zod";

import { IMPORTS_NAMESPACE } from "../cluster.ts";

const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Node ports of exports; the range stands in `kind/cluster.yaml` as well. */
export const EXPORT_PORTS = Array.from({ length: 10 }, (_, index) => 30_610 + index);

/** Whether a cluster is around this container, and no laptop platform, which says where it is. */
export const isInCluster = (config: {
  LOSSI_CLUSTER_URL?: string | undefined;
  KUBERNETES_SERVICE_HOST: string;
}): boolean => config.LOSSI_CLUSTER_URL === undefined && config.KUBERNETES_SERVICE_HOST !== "";

export const kubernetesVariables = {
  /** Kubernetes sets both in every container. */
  KUBERNETES_SERVICE_HOST: z.string().default(""),
  KUBERNETES_SERVICE_PORT: z.string().regex(/^\d+$/, "expected a port").default("443"),
  /** Namespaces whose Services may be exported; each needs the Role that `docs/security.md` shows. */
  LOSSI_EXPORT_NAMESPACES: z
    .string()
    .default(`lossi,${IMPORTS_NAMESPACE}`)
    .transform((text) => text.split(/[\s,]+/).filter((name) => name !== ""))
    .refine((names) => names.every((name) => label.test(name)), "expected names of namespaces, such as lossi,mlflow"),
  /** `host:port` where node port 30610 is reached from outside; the others follow it. */
  LOSSI_EXPORT_ADDRESS: z
    .string()
    .regex(/^\S+:\d{1,5}$/, "expected host:port, such as 127.0.0.1:7610")
    .default(`node:${EXPORT_PORTS[0]}`),
};
