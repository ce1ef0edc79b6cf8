/** What manifests say of each other: names that are taken twice, and references that lead nowhere. */
import type { Destination } from "../resources.ts";
import type { Parsed } from "./kinds.ts";
import type { Manifest } from "./load.ts";

/** A line per problem. */
export function check(manifests: Manifest[]): string[] {
  return [
    ...duplicates(manifests),
    ...manifests.flatMap(({ file, resource }) => references(resource, manifests).map((line) => `${file}: ${line}`)),
  ];
}

const idOf = ({ kind, namespace, name }: Parsed): string => `${kind} ${namespace}/${name}`;

function duplicates(manifests: Manifest[]): string[] {
  const files = Map.groupBy(manifests, ({ resource }) => idOf(resource));
  const taken = [...files].filter(([, all]) => all.length > 1);
  const hosts = manifests.flatMap(({ file, resource }) =>
    resource.kind === "Ingress"
      ? resource.rules
          .flatMap((rule) => (rule.hosts.length > 0 ? rule.hosts : ["every host"]))
          .map((host) => ({ file, host }))
      : [],
  );
  const shared = [...Map.groupBy(hosts, ({ host }) => host)].filter(([, all]) => all.length > 1);
  return [
    ...taken.map(
      ([id, all]) =>
        `${all.map(({ file }) => file).join(", ")}: metadata.name: ${id} is there more than once; rename one`,
    ),
    ...shared.map(
      ([host, all]) =>
        `${all.map(({ file }) => file).join(", ")}: spec.rules: ${host} is taken by more than one rule; keep all paths in one`,
    ),
  ];
}

function references(resource: Parsed, manifests: Manifest[]): string[] {
  const missing = (kind: Parsed["kind"], namespace: string, name: string, field: string): string[] =>
    manifests.some((one) => idOf(one.resource) === `${kind} ${namespace}/${name}`)
      ? []
      : [`${field}: there is no ${kind} ${namespace}/${name}`];
  const service = (to: Destination | null, field: string): string[] =>
    to === null || "url" in to ? [] : missing("Service", to.namespace, to.service, field);
  switch (resource.kind) {
    case "Service":
      return resource.configMaps.flatMap((name) =>
        missing("ConfigMap", resource.namespace, name, "spec.template.spec.containers[0].envFrom"),
      );
    case "Broker":
      return service(resource.delivery.deadLetter, "spec.delivery.deadLetterSink");
    case "Trigger":
      return [
        ...missing("Broker", resource.namespace, resource.broker, "spec.broker"),
        ...service(resource.subscriber, "spec.subscriber"),
        ...service(resource.delivery?.deadLetter ?? null, "spec.delivery.deadLetterSink"),
      ];
    case "PingSource":
      return "broker" in resource.sink
        ? missing("Broker", resource.sink.namespace, resource.sink.broker, "spec.sink")
        : service(resource.sink, "spec.sink");
    case "Ingress":
      return resource.rules.flatMap(({ paths }) =>
        paths.flatMap((path) => missing("Service", path.namespace, path.service, `spec.rules: path ${path.prefix}`)),
      );
    case "ConfigMap":
      return [];
  }
}
