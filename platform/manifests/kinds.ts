/** Every kind of manifest, by `apiVersion/kind`. A new kind is a file beside this one and a line here. */
import type * as z from "zod";

import type { BrokerResource, IngressResource, PingSourceResource, TriggerResource } from "../resources.ts";
import { broker } from "./broker.ts";
import { configMap } from "./config-map.ts";
import type { ConfigMap } from "./config-map.ts";
import { ingress } from "./ingress.ts";
import { pingSource } from "./ping-source.ts";
import { service } from "./service.ts";
import type { UnresolvedService } from "./service.ts";
import { trigger } from "./trigger.ts";

/** What a manifest says, before manifests were held against each other. */
export type Parsed =
  | ConfigMap
  | UnresolvedService
  | BrokerResource
  | TriggerResource
  | PingSourceResource
  | IngressResource;

export const KINDS: Record<string, z.ZodType<Parsed>> = {
  "v1/ConfigMap": configMap,
  "serving.knative.dev/v1/Service": service,
  "eventing.knative.dev/v1/Broker": broker,
  "eventing.knative.dev/v1/Trigger": trigger,
  "sources.knative.dev/v1/PingSource": pingSource,
  "networking.internal.knative.dev/v1alpha1/Ingress": ingress,
};
