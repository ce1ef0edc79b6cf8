import * as z from "zod";

import type { IngressResource } from "../resources.ts";
import { fields, metadata, name } from "./rules.ts";

const split = fields({
  percent: z.literal(100, "one split has to take all 100 percent here"),
  serviceName: name,
  serviceNamespace: name,
  servicePort: z.literal(80, "a Service of Knative is reached on port 80"),
});

const path = fields({
  path: z.string().startsWith("/", "a path begins with a slash"),
  rewriteHost: z.string(),
  splits: z.array(split).length(1, "expected one split"),
});

/** The one object with all public paths: Knative's internal API, as DomainMapping uses it (seen.md, "The edge"). */
export const ingress = fields({
  apiVersion: z.literal("networking.internal.knative.dev/v1alpha1"),
  kind: z.literal("Ingress"),
  metadata: metadata({ "networking.knative.dev/ingress.class": z.string() }),
  spec: fields({
    httpOption: z.literal("Enabled").optional(),
    rules: z.array(
      fields({
        hosts: z.array(z.string()).default([]),
        visibility: z.literal("ExternalIP"),
        http: fields({ paths: z.array(path).min(1) }),
      }),
    ),
  }),
})
  .superRefine(({ metadata: { namespace }, spec }, context) => {
    for (const [rule, { http }] of spec.rules.entries()) {
      const prefixes = http.paths.map((one) => one.path);
      for (const [index, { path, rewriteHost, splits }] of http.paths.entries()) {
        const complain = (field: (string | number)[], message: string): void =>
          context.addIssue({
            code: "custom",
            path: ["spec", "rules", rule, "http", "paths", index, ...field],
            message,
          });
        const host = `${splits[0]?.serviceName}.${namespace}.svc.cluster.local`;
        if (splits[0]?.serviceNamespace !== namespace) {
          complain(
            ["splits", 0, "serviceNamespace"],
            `a backend has to be in the Ingress's own namespace, ${namespace}`,
          );
        }
        if (rewriteHost !== host) complain(["rewriteHost"], `expected the host of its backend, ${host}`);
        if (prefixes.indexOf(path) !== index) complain(["path"], `${path} is there more than once`);
      }
    }
  })
  .transform(({ kind, metadata: { namespace, name }, spec }): IngressResource => ({
    kind,
    namespace,
    name,
    rules: spec.rules.map(({ hosts, http }) => ({
      hosts,
      paths: http.paths.map(({ path, splits }) => ({ prefix: path, service: splits[0]?.serviceName ?? "", namespace })),
    })),
  }));
