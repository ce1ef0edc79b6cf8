import { expect, test } from "vitest";

import { codeOf } from "#shared/errors.ts";
import { canonical, checkAddress, parseNets, whyRefused } from "#shared/forwards/address.ts";
import type { AddressRules } from "#shared/forwards/address.ts";

const RULES: AddressRules = {
  allow: [],
  deny: ["10.96.0.0/12", "10.244.0.0/16", "fd00:10:96::/112"],
  own: ["192.168.5.5", "2001:db8::5"],
};
/** What names resolve to in these tests. */
const NAMES: Record<string, string[]> = {
  "ray.csc.fi": ["193.166.1.1", "2001:708::1"],
  "intranet.csc.fi": ["10.1.2.3"],
  "rebound.example": ["93.184.216.34", "127.0.0.1"],
  "loopback.example": ["127.0.0.1"],
  "mapped.example": ["::ffff:127.0.0.1"],
  "metadata.example": ["169.254.169.254"],
  "pod.example": ["10.244.3.4"],
  "own.example": ["192.168.5.5"],
  "localhost.localdomain": ["127.0.0.1"],
  "ip6-localhost": ["::1"],
};
const resolve = async (host: string): Promise<string[]> => NAMES[host] ?? [];
const check = (host: string, rules = RULES) => checkAddress(host, rules, resolve);

const LOOPBACK = /a loopback address/;
const ITSELF = /this machine itself/;
const LINK_LOCAL = /a link-local address/;
const METADATA = /a cloud's metadata service/;
const CLUSTER = /an address inside the cluster/;
const INSIDE = /a name inside a machine or a cluster/;

/** Hostile targets, and the reason that each has to be refused with. */
const HOSTILE: [string, RegExp][] = [
  ["127.0.0.1", LOOPBACK],
  ["127.0.0.2", LOOPBACK],
  ["127.255.255.254", LOOPBACK],
  ["127.1", LOOPBACK],
  ["127.0.1", LOOPBACK],
  ["0x7f.1", LOOPBACK],
  ["0x7f000001", LOOPBACK],
  ["0X7F.0.0.1", LOOPBACK],
  ["2130706433", LOOPBACK],
  ["017700000001", LOOPBACK],
  ["0177.0.0.1", LOOPBACK],
  ["0177.0x0.0.01", LOOPBACK],
  ["127.0.0.1.", LOOPBACK],
  ["①②⑦.0.0.1", LOOPBACK],
  ["１２７．０．０．１", LOOPBACK],
  ["127。0。0。1", LOOPBACK],
  ["%31%32%37.0.0.1", LOOPBACK],
  ["::1", LOOPBACK],
  ["[::1]", LOOPBACK],
  ["0:0:0:0:0:0:0:1", LOOPBACK],
  ["::ffff:127.0.0.1", LOOPBACK],
  ["[::ffff:7f00:1]", LOOPBACK],
  ["::ffff:0:127.0.0.1", LOOPBACK],
  ["::127.0.0.1", LOOPBACK],
  ["64:ff9b::7f00:1", LOOPBACK],
  ["64:ff9b:1::127.0.0.1", LOOPBACK],
  ["2002:7f00:1::", LOOPBACK],
  ["2001:0:0:0:0:0:80ff:fffe", LOOPBACK],
  ["2001:db8::5efe:127.0.0.1", LOOPBACK],
  ["0.0.0.0", ITSELF],
  ["0", ITSELF],
  ["0x0", ITSELF],
  ["0.1.2.3", ITSELF],
  ["::", ITSELF],
  ["[::]", ITSELF],
  ["::ffff:0.0.0.0", ITSELF],
  ["192.168.5.5", ITSELF],
  ["2001:db8::5", ITSELF],
  ["own.example", ITSELF],
  ["169.254.1.1", LINK_LOCAL],
  ["0xA9FE0101", LINK_LOCAL],
  ["fe80::1", LINK_LOCAL],
  ["fe80::1%eth0", LINK_LOCAL],
  ["[febf::1]", LINK_LOCAL],
  ["::ffff:169.254.1.1", LINK_LOCAL],
  ["169.254.169.254", METADATA],
  ["2852039166", METADATA],
  ["0xa9.254.0251.254", METADATA],
  ["::ffff:a9fe:a9fe", METADATA],
  ["[fd00:ec2::254]", METADATA],
  ["100.100.100.200", METADATA],
  ["169.254.170.2", METADATA],
  ["metadata.example", METADATA],
  ["metadata.google.internal", INSIDE],
  ["224.0.0.1", /a multicast address/],
  ["ff02::1", /a multicast address/],
  ["255.255.255.255", /a reserved or broadcast address/],
  ["10.96.0.1", CLUSTER],
  ["::ffff:10.96.0.1", CLUSTER],
  ["10.244.0.17", CLUSTER],
  ["fd00:10:96::a", CLUSTER],
  ["pod.example", CLUSTER],
  ["localhost", INSIDE],
  ["LOCALHOST.", INSIDE],
  ["x.localhost", INSIDE],
  ["localhost.localdomain", LOOPBACK],
  ["ip6-localhost", LOOPBACK],
  ["kubernetes", INSIDE],
  ["kubernetes.default", INSIDE],
  ["tasks.lossi.svc", INSIDE],
  ["tasks.lossi.svc.cluster.local", INSIDE],
  ["Tasks.Lossi.SVC.Cluster.Local.", INSIDE],
  ["loopback.example", LOOPBACK],
  ["mapped.example", LOOPBACK],
  ["rebound.example", /leads to 127\.0\.0\.1, a loopback address/],
];

test("there are sixty hostile targets at least", () => expect(HOSTILE.length).toBeGreaterThanOrEqual(60));

test.each(HOSTILE)("%s is refused", async (host, reason) => {
  const refused = await check(host).catch((error: unknown) => error);
  expect(codeOf(refused)).toBe("rejected");
  expect(String(refused)).toMatch(reason);
  expect(String(refused)).toContain("LOSSI_FORWARD_ALLOW");
});

test.each([
  "",
  " ",
  "a b",
  "host:80",
  "http://host",
  "host/path",
  "user@host",
  "host?",
  "host#",
  "[::1",
  "::1]",
  "1.2.3.4.5",
  "256.1.1.1",
  "a\\b",
  "a\u0000b",
  "a..b",
  "x".repeat(300),
])("%j is no address", async (host) => {
  await expect(check(host)).rejects.toThrow(/is no address; expected a host name or an IP address, without a port/);
});

test.each([
  ["8.8.8.8", ["8.8.8.8"]],
  ["10.1.2.3", ["10.1.2.3"]],
  ["192.168.5.6", ["192.168.5.6"]],
  ["2001:708::1", ["2001:708::1"]],
  ["ray.csc.fi", ["193.166.1.1", "2001:708::1"]],
  ["RAY.csc.fi.", ["193.166.1.1", "2001:708::1"]],
  ["intranet.csc.fi", ["10.1.2.3"]],
])("%s passes", async (host, addresses) => {
  expect(await check(host)).toEqual(addresses);
});

test.each([
  ["127.0.0.1", "127.0.0.1"],
  ["127.0.0.0/8", "0x7f.1"],
  ["127.0.0.1", "::ffff:127.0.0.1"],
  ["::1", "[::1]"],
  ["10.96.0.10/32", "10.96.0.10"],
  ["169.254.0.0/16", "169.254.169.254"],
  ["192.168.5.5", "own.example"],
  ["localhost.localdomain, 127.0.0.1", "localhost.localdomain"],
])("with LOSSI_FORWARD_ALLOW=%s %s passes", async (allow, host) => {
  expect((await check(host, { ...RULES, allow: parseNets(allow) })).length).toBe(1);
});

test("what is allowed opens nothing beside it", async () => {
  const rules = { ...RULES, allow: parseNets("127.0.0.1, localhost") };
  await expect(check("127.0.0.2", rules)).rejects.toThrow(LOOPBACK);
  await expect(check("::1", rules)).rejects.toThrow(LOOPBACK);
  await expect(check("kubernetes", rules)).rejects.toThrow(INSIDE);
});

test.each(["127.0.0.1/33", "::1/129", "1.2.3", "a b/8", "127.0.0.1/x", "1.2.3.4/8/8"])(
  "%j is refused as a network",
  (text) => {
    expect(() => parseNets(text)).toThrow(
      /is no address, network or name; expected such as 127\.0\.0\.1 or 10\.0\.0\.0\/8/,
    );
  },
);

test("canonical: spellings of one address are one", () => {
  expect(canonical("0x7F.1")).toBe("127.0.0.1");
  expect(canonical("[0:0::1]")).toBe("::1");
  expect(canonical("EXAMPLE.com.")).toBe("example.com");
  expect(whyRefused("93.184.216.34", RULES)).toBeNull();
});
