/** Knative on a laptop: reads manifests, starts nothing that nobody asked for, and honours what they say. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { AddressInfo } from "node:net";
import type { IncomingMessage, Server, ServerResponse } from "node:http";

import { secretVariables } from "#shared/config.ts";
import { messageOf } from "#shared/errors.ts";
import { foreignHost, hostsOf, isOwnHost } from "#shared/http/hosts.ts";

import { createApi } from "./api.ts";
import type { Send } from "./eventing/deliver.ts";
import { openEventing } from "./eventing/eventing.ts";
import { startPingSource } from "./eventing/ping-source.ts";
import { answerError, listen, route, serviceOfHost } from "./edge.ts";
import type { Target } from "./edge.ts";
import { createForwards } from "./forwards/forwards.ts";
import { openHome } from "./home.ts";
import { loadApplied, loadManifests, parsePingSource } from "./manifests/load.ts";
import type { Loaded } from "./manifests/load.ts";
import { hintOf, watchObjects } from "./object-hints.ts";
import { createPingSources } from "./ping-sources.ts";
import type { Resources, ServiceResource } from "./resources.ts";
import { exchange } from "./serving/proxy.ts";
import { CLOSE_GRACE_MS, createServing } from "./serving/serving.ts";
import { createSlots } from "./serving/slots.ts";
import { watchFolders } from "./watch-folders.ts";

export type PlatformOptions = {
  /** Folder with the manifests. */
  manifests: string;
  /** Folder with a file per function. */
  functions: string;
  /** Files that every function loads first: one says when it listens, one knows the names of the cluster. */
  preload: string[];
  /** Folder for everything that outlives the platform. */
  home: string;
  /** First of the three public ports; 0 takes any free ones. */
  port: number;
  /** Ports that exports are given; `[0]` is any free one. */
  exportPorts: number[];
  /** Slots of `nvshare.com/gpu` that instances may take. */
  gpuSlots: number;
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
  /** New files of a function were built: its next requests go to a new revision. */
  reload(functionName: string): void;
  /** Ends what is under way, then every function, then the broker. */
  close(): Promise<void>;
}

/** Hosts of Services inside the cluster, and outside: `*.localhost` leads to the loopback address everywhere. */
const CLUSTER_SUFFIXES = [".svc.cluster.local", ".svc", ""];
const PUBLIC_SUFFIXES = [".localhost"];
/** Whoever looks at objects that changed. */
const BUCKET_EVENTS: Target = { service: "bucket-events", namespace: "lossi" };
/** The autoscaler of Knative looks so often (config-autoscaler `tick-interval`). */
const TICK_MS = 2000;
/** Several files change together. */
const SETTLE_MS = 100;

export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const { log } = options;
  const loaded = load(options);
  let { resources } = loaded;
  const publicHosts = hostsOf(options.env["LOSSI_PUBLIC_URL"]);
  const home = openHome(options.home);
  const gateway = await listen((req, res) => answerCluster(req, res), 0);
  const gatewayPort = portOf(gateway);
  const gatewayUrl = `http://127.0.0.1:${gatewayPort}`;
  home.writeHosts({ gateway: gatewayPort, imports: {} });

  const env: Record<string, string> = {
    ...named(options.env, secretVariables),
    LOSSI_HOME: home.folder,
    LOSSI_CLUSTER_URL: gatewayUrl,
    LOSSI_CLUSTER_HOSTS: home.hosts,
    // The edge listens there and nowhere else; with another address a proxy leads here, and functions ask for tokens.
    LOSSI_PUBLIC_URL: options.env["LOSSI_PUBLIC_URL"] ?? `http://127.0.0.1:${options.port}`,
    LOSSI_NOTIFICATION_SECRET: home.notificationSecret,
    NODE_COMPILE_CACHE: join(home.folder, "compile-cache"),
  };
  const gpus = createSlots(options.gpuSlots);
  const serving = createServing({
    args: (service) => [
      ...options.preload.flatMap((file) => ["--require", file]),
      join(options.functions, `${service.function}.cjs`),
    ],
    env,
    log,
    onActive: (service, active) => home.noteAwake(`${service.namespace}.${service.name}`, active),
    gpus,
    tickMs: TICK_MS,
  });
  resources.services.forEach(serving.add);
  const send: Send = (to, request) => ("url" in to ? exchange(to, request) : serving.send(to, request));
  const eventing = openEventing({ file: join(home.folder, "broker.sqlite"), ...resources, send, log });
  const pingSources = createPingSources({
    home,
    parse: parsePingSource,
    start: (resource) => startPingSource(resource, { send, publish: eventing.publish, log }),
  });
  let edge: Server[] = [];
  const forwards = createForwards({
    folder: join(home.folder, "forwards"),
    exportPorts: options.exportPorts,
    ownPorts: () => [
      ...[gateway, ...edge].map(portOf),
      ...serving.list().flatMap(({ instances }) => instances.map((one) => one.port)),
    ],
    hasService: (to) => known(resources, to),
    request: (to, req, res) => {
      if (!refused(req, res)) serving.forward(to, req, res);
    },
    onImports: (imports) => home.writeHosts({ gateway: gatewayPort, imports }),
    log,
  });
  const api = createApi({ pingSources, forwards, serving, gpus });

  /** Whether a request was for a name of others, and is answered. */
  function refused(req: IncomingMessage, res: ServerResponse): boolean {
    const { host } = req.headers;
    if (isOwnHost(host, publicHosts)) return false;
    answerError(res, 403, "forbidden", foreignHost(host));
    return true;
  }

  function answerCluster(req: IncomingMessage, res: ServerResponse): void {
    const target = serviceOfHost(req.headers.host, CLUSTER_SUFFIXES);
    if (target !== null && known(resources, target)) return serving.forward(target, req, res);
    if (refused(req, res)) return;
    if (req.url?.startsWith("/apis/")) return api(req, res);
    eventing.handle(req, res);
  }

  function answerPublic(req: IncomingMessage, res: ServerResponse): void {
    const host = req.headers.host ?? "";
    if (refused(req, res)) return;
    const own = serviceOfHost(host, PUBLIC_SUFFIXES);
    const target = own !== null && isPublic(resources, own) ? own : route(resources.ingresses, host, req.url ?? "/");
    if (target === null) return answerError(res, 404, "not_found", `nothing is at ${(req.url ?? "/").slice(0, 100)}`);
    serving.forward(target, req, res);
  }

  const applyPingSources = (): void => {
    const applied = loadApplied(home.applied);
    for (const problem of applied.problems) log({ level: "warn", message: problem });
    pingSources.set([...resources.pingSources, ...applied.pingSources]);
  };

  /** The manifests changed: what differs is put into effect; where something is wrong, all stays as it is. */
  const apply = (): void => {
    try {
      const next = load(options).resources;
      if (JSON.stringify(next) !== JSON.stringify(resources)) {
        const before = resources;
        resources = next;
        rollOut(before.services, next.services);
        eventing.update(next);
        void forwards.closeOrphans();
      }
      applyPingSources();
    } catch (error) {
      log({ level: "error", message: `the manifests were not applied; what holds stays:\n${messageOf(error)}` });
    }
  };

  function rollOut(before: ServiceResource[], next: ServiceResource[]): void {
    for (const service of next) {
      const old = before.find((one) => sameName(one, service));
      if (old === undefined) serving.add(service);
      else if (JSON.stringify(old) !== JSON.stringify(service)) serving.replace(service, { start: true });
    }
    for (const { name, namespace } of before.filter((one) => !next.some((other) => sameName(one, other))))
      serving.remove({ service: name, namespace });
  }

  applyPingSources();
  edge = await listenEdge(answerPublic, options.port);
  env["LOSSI_EDGE_URL"] = `http://127.0.0.1:${portOf(edge[0] as Server)}`;
  await forwards.resume();
  resume(home.awake(), resources, serving.wake);
  const warn = (message: string): void => log({ level: "warn", message });
  const watchers = [
    ...[options.manifests, home.applied].map((folder) => onChange(folder, apply, warn)),
    watchObjects(
      home.objects,
      (places) => {
        // A hint that is lost costs nothing but time.
        if (known(resources, BUCKET_EVENTS)) serving.send(BUCKET_EVENTS, hintOf(places, home)).catch(() => {});
      },
      warn,
    ),
  ];
  return {
    ports: edge.map(portOf),
    gateway: gatewayUrl,
    resources,
    withoutEffect: loaded.withoutEffect,
    unrunnable: loaded.unrunnable,
    schedules: () => pingSources.list().map(({ name, schedule }) => `${name} ${schedule}`),
    reload: (name) =>
      resources.services.filter((service) => service.function === name).forEach((service) => serving.replace(service)),
    async close() {
      for (const watcher of watchers) watcher.close();
      pingSources.set([]);
      eventing.pause();
      await Promise.all([...edge.map(closeServer), forwards.end()]);
      await serving.close();
      await eventing.close();
      await closeServer(gateway);
    },
  };
}

/** What a Secret holds on a cluster comes from the platform's own environment. */
const named = (env: PlatformOptions["env"], names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** Calls once for changes that come together; `warn` hears of folders whose changes will not be noticed. */
function onChange(folder: string, act: () => void, warn: (message: string) => void): { close(): void } {
  let settling: NodeJS.Timeout | undefined;
  const settle = (): void => {
    clearTimeout(settling);
    settling = setTimeout(act, SETTLE_MS);
  };
  const watcher = watchFolders(folder, settle, (path, reason) =>
    warn(`changes in ${path} are not noticed, nor in any others like it: ${reason}`),
  );
  return {
    close() {
      clearTimeout(settling);
      watcher.close();
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

const sameName = (one: ServiceResource, other: ServiceResource): boolean =>
  one.name === other.name && one.namespace === other.namespace;

const known = ({ services }: Resources, { service, namespace }: Target): boolean =>
  services.some((one) => one.name === service && one.namespace === namespace);

const isPublic = ({ services }: Resources, { service, namespace }: Target): boolean =>
  services.some((one) => one.name === service && one.namespace === namespace && !one.clusterLocal);

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
    // Whoever has not said everything by then never will.
    setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS).unref();
  });
}
