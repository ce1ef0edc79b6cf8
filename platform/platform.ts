/** Knative on a laptop: reads manifests, starts nothing that nobody asked for, and honours what they say. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { AddressInfo } from "node:net";
import type { IncomingMessage, Server, ServerResponse } from "node:http";

import type { Send } from "./eventing/deliver.ts";
import { openEventing } from "./eventing/eventing.ts";
import { startPingSource } from "./eventing/ping-source.ts";
import { answerError, listen, route, serviceOfHost } from "./edge.ts";
import type { Target } from "./edge.ts";
import { openHome } from "./home.ts";
import { loadManifests, parsePingSource } from "./manifests/load.ts";
import type { Loaded } from "./manifests/load.ts";
import { createPingSources } from "./ping-sources.ts";
import type { Resources, ServiceResource } from "./resources.ts";
import { exchange } from "./serving/proxy.ts";
import { createServing } from "./serving/serving.ts";

export type PlatformOptions = {
  /** Folder with the manifests. */
  manifests: string;
  /** Folder with a file per function. */
  functions: string;
  /** Folder for everything that outlives the platform. */
  home: string;
  /** First of the three public ports; 0 takes any free ones. */
  port: number;
  env: Record<string, string | undefined>;
  log: (line: { level: "info" | "warn" | "error"; message: string }) => void;
};

export interface Platform {
  /** The three public ports. */
  ports: number[];
  /** Address of the broker ingress and of the cluster-local Services. */
  gateway: string;
  resources: Resources;
  withoutEffect: string[];
  unrunnable: { file: string; name: string; reason: string }[];
  schedules: () => string[];
  /** New files of a function were built: its next requests go to a new process. */
  reload(functionName: string): void;
  /** Ends what is under way, then every function, then the broker. */
  close(): Promise<void>;
}

const BROKER_INGRESS = "http://broker-ingress.knative-eventing.svc.cluster.local";
/** Hosts of Services inside the cluster, and outside: `*.localhost` leads to the loopback address everywhere. */
const CLUSTER_SUFFIXES = [".svc.cluster.local", ".svc", ""];
const PUBLIC_SUFFIXES = [".localhost"];

export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const { resources, withoutEffect, unrunnable } = load(options);
  const home = openHome(options.home);
  const gateway = await listen((req, res) => answerCluster(req, res), 0);
  const gatewayUrl = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
  const serving = createServing({
    command: (service) => [process.execPath, join(options.functions, `${service.function}.cjs`)],
    env: {
      LOSSI_HOME: home.folder,
      LOSSI_CLUSTER_URL: gatewayUrl,
      NODE_COMPILE_CACHE: join(home.folder, "compile-cache"),
    },
    log: options.log,
    onActive: (service, active) => home.noteAwake(`${service.namespace}.${service.name}`, active),
  });
  for (const service of resources.services) serving.add(withAddresses(service, gatewayUrl));
  const send: Send = (to, request) => ("url" in to ? exchange(to, request) : serving.send(to, request));
  const eventing = openEventing({
    file: join(home.folder, "broker.sqlite"),
    brokers: resources.brokers,
    triggers: resources.triggers,
    send,
    log: options.log,
  });
  const pingSources = createPingSources({
    home,
    parse: parsePingSource,
    start: (resource) => startPingSource(resource, { send, publish: eventing.publish, log: options.log }),
  });

  function answerCluster(req: IncomingMessage, res: ServerResponse): void {
    const target = serviceOfHost(req.headers.host, CLUSTER_SUFFIXES);
    if (target !== null && known(resources, target)) return serving.forward(target, req, res);
    if (req.url?.startsWith("/apis/")) return pingSources.handle(req, res);
    eventing.handle(req, res);
  }

  function answerPublic(req: IncomingMessage, res: ServerResponse): void {
    const host = req.headers.host ?? "";
    const own = serviceOfHost(host, PUBLIC_SUFFIXES);
    const target = own !== null && isPublic(resources, own) ? own : route(resources.ingresses, host, req.url ?? "/");
    if (target === null) return answerError(res, 404, "not_found", `nothing is at ${(req.url ?? "/").slice(0, 100)}`);
    serving.forward(target, req, res);
  }

  resources.pingSources.forEach(pingSources.add);
  pingSources.resume();
  const edge = await listenEdge(answerPublic, options.port);
  resume(home.awake(), resources, serving.wake);
  return {
    ports: edge.map((server) => (server.address() as AddressInfo).port),
    gateway: gatewayUrl,
    resources,
    withoutEffect,
    unrunnable,
    schedules: () => pingSources.list().map(({ name, schedule }) => `${name} ${schedule}`),
    reload: (name) =>
      resources.services
        .filter((service) => service.function === name)
        .forEach((service) => serving.replace(withAddresses(service, gatewayUrl))),
    async close() {
      pingSources.close();
      eventing.pause();
      await Promise.all(edge.map(closeServer));
      await serving.close();
      await eventing.close();
      await closeServer(gateway);
    },
  };
}

/** Reads the manifests; a Service whose function was not built is reported as one that cannot run here. */
function load({ manifests, functions, env }: PlatformOptions): Loaded {
  const { resources, withoutEffect, unrunnable } = loadManifests(manifests, { env });
  const missing = resources.services.filter((service) => !existsSync(join(functions, `${service.function}.cjs`)));
  const reports = missing.map(({ name, function: worker }) => ({
    file: manifests,
    name,
    reason: `there is no function ${worker}`,
  }));
  const services = resources.services.filter((service) => !missing.includes(service));
  return { resources: { ...resources, services }, withoutEffect, unrunnable: [...unrunnable, ...reports] };
}

const known = ({ services }: Resources, { service, namespace }: Target): boolean =>
  services.some((one) => one.name === service && one.namespace === namespace);

const isPublic = ({ services }: Resources, { service, namespace }: Target): boolean =>
  services.some((one) => one.name === service && one.namespace === namespace && !one.clusterLocal);

/** Addresses of the cluster that the platform answers for become its own. */
function withAddresses(service: ServiceResource, gateway: string): ServiceResource {
  const env = Object.entries(service.env).map(([name, value]) => [name, value.replaceAll(BROKER_INGRESS, gateway)]);
  return { ...service, env: Object.fromEntries(env) as Record<string, string> };
}

const listenEdge = (handler: (req: IncomingMessage, res: ServerResponse) => void, port: number): Promise<Server[]> =>
  Promise.all([0, 1, 2].map((offset) => listen(handler, port === 0 ? 0 : port + offset)));

/** Wakes what was awake when the platform died, as a kubelet does, so that it finishes what it had begun. */
function resume(awake: string[], { services }: Resources, wake: (name: string, namespace: string) => void): void {
  for (const { name, namespace } of services) {
    if (awake.includes(`${namespace}.${name}`)) wake(name, namespace);
  }
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}
