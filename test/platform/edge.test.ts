import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";
import { parse } from "yaml";

import { clockPingSource } from "#shared/cluster/ping-source.ts";
import { route, serviceOfHost } from "#platform/edge.ts";
import type { IngressResource } from "#platform/resources.ts";

const path = (prefix: string, service: string) => ({ prefix, service, namespace: "n" });
const ingress = (hosts: string[], paths: ReturnType<typeof path>[]): IngressResource => ({
  kind: "Ingress",
  namespace: "n",
  name: "edge",
  rules: [{ hosts, paths }],
});

const ANY = ingress([], [path("/a", "short"), path("/a/b/", "long"), path("/", "rest")]);

test.each([
  ["/a", "short"],
  ["/ax", "short"],
  ["/a/b", "short"],
  ["/a/b/", "long"],
  ["/a/b/c?q", "long"],
  ["/c/../a/b/", "rest"],
  ["/%61", "rest"],
  ["http://elsewhere/a/b/c", "long"],
])("%s goes to the longest prefix, unnormalised: %s", (url, service) => {
  expect(route([ANY], "127.0.0.1:7600", url)?.service).toBe(service);
});

test("named hosts match with and without a port, others fall to the rule without hosts", () => {
  const named = ingress(["lossi.example"], [path("/", "named")]);
  expect(route([named, ANY], "LOSSI.example:80", "/x")?.service).toBe("named");
  expect(route([named, ANY], "other", "/x")?.service).toBe("rest");
  expect(route([named], "other", "/x")).toBeNull();
});

test("a Service's own host is name and namespace before a known ending", () => {
  const endings = [".svc.cluster.local", ""];
  expect(serviceOfHost("tasks.lossi.svc.cluster.local:80", endings)).toEqual({ service: "tasks", namespace: "lossi" });
  expect(serviceOfHost("tasks.lossi", endings)).toEqual({ service: "tasks", namespace: "lossi" });
  for (const host of ["127.0.0.1:7600", "localhost", "a.b.c", undefined])
    expect(serviceOfHost(host, [".localhost"])).toBeNull();
});

test("the schedule that is turned on is the PingSource of knative/scheduler", () => {
  const file = join(import.meta.dirname, "../../knative/scheduler/schedule.yaml");
  expect(parse(readFileSync(file, "utf8"))).toEqual(clockPingSource("schedule", "*/30 * * * * *"));
});
