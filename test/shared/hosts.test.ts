import { expect, test } from "vitest";

import { foreignHost, hostsOf, isOwnHost } from "#shared/http/hosts.ts";

test.each([
  undefined,
  "127.0.0.1:7600",
  "127.8.0.1",
  "LOCALHOST:7600",
  "localhost.",
  "[::1]:7600",
  "mine.lossi.localhost",
  "tasks.lossi.svc.cluster.local:80",
  "tasks.lossi.svc",
])("%s is a name of this machine", (host) => {
  expect(isOwnHost(host)).toBe(true);
});

test.each([
  "evil.example",
  "evil.example:7600",
  "127.0.0.1.evil.example",
  "localhost.evil.example",
  "notlocalhost",
  "svc.cluster.local",
  "tasks.lossi.svc.evil.example",
  "localhost:7600:evil",
  "localhost@evil.example",
  "0.0.0.0:7600",
  "10.0.0.1",
])("%s is a name of others", (host) => {
  expect(isOwnHost(host)).toBe(false);
});

test("a public address adds its name, and the refusal says how", () => {
  expect(hostsOf("https://lossi.example.org/x")).toEqual(["lossi.example.org"]);
  expect(hostsOf(undefined)).toEqual([]);
  expect(isOwnHost("Lossi.example.org:443", hostsOf("https://lossi.example.org"))).toBe(true);
  expect(foreignHost(`evil"${"x".repeat(1000)}`).length).toBeLessThan(400);
});
