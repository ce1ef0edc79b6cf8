import * as z from "zod";

import { fields, metadata } from "./rules.ts";

export type ConfigMap = { kind: "ConfigMap"; namespace: string; name: string; data: Record<string, string> };

/** The smallest kind: the example to copy. */
export const configMap = fields({
  apiVersion: z.literal("v1"),
  kind: z.literal("ConfigMap"),
  metadata: metadata(),
  data: z.record(z.string(), z.string("expected text; quote numbers and booleans")).default({}),
}).transform(({ kind, metadata: { namespace, name }, data }): ConfigMap => ({ kind, namespace, name, data }));
