import type { Platform } from "./platform.ts";

/** What a newcomer reads first: what is there, where, and what to try. `redis` is the host of the state, if it is there. */
export function welcome(platform: Omit<Platform, "reload" | "close">, home: string, redis = ""): string {
  const { ports, gateway, resources, withoutEffect, unrunnable, schedules } = platform;
  const [first, ...others] = ports;
  const url = `http://127.0.0.1:${first}`;
  const names = resources.services.map(({ name }) => name).toSorted();
  const beats = schedules();
  return [
    `lossi is ready on ${url} (${others.join(" and ")} lead there too); its state is in ${redis === "" ? home : `Redis on ${redis}, all else in ${home}`}`,
    `${names.length} functions asleep: ${names.join(", ")}`,
    ...resources.brokers.map(({ namespace, name }) => `events go to ${gateway}/${namespace}/${name}`),
    `schedule: ${beats.length > 0 ? beats.join(", ") : "off, POST /setup/config/start turns it on"}`,
    ...unrunnable.map(({ name, file, reason }) => `not started: ${name} (${file}): ${reason}`),
    ...(withoutEffect.length > 0 ? [`without effect on a laptop: ${withoutEffect.join(", ")}`] : []),
    "",
    "try:",
    `  curl ${url}/interaction/arti/logs/frontend`,
    `  python3 -c "import requests; print(requests.get('${url}/interaction/task/run/tasks.forwarder-requests', json={'payload': {'mode': 'logs'}}).json())"`,
  ].join("\n");
}
