/** Which addresses a forward may lead to: decided by what an address is, never by how it is spelt. */
import { BlockList, isIPv4, isIPv6 } from "node:net";

import { LossiError } from "../errors.ts";
import { quote } from "../schema.ts";

type Net = { net: string; what: string };

/** Refused unless allowed. The first one that fits gives the reason, so the narrow ones stand first. */
const REFUSED: readonly Net[] = [
  { net: "169.254.169.254/32", what: "a cloud's metadata service" },
  { net: "169.254.170.2/32", what: "a cloud's metadata service" },
  { net: "100.100.100.200/32", what: "a cloud's metadata service" },
  { net: "192.0.0.192/32", what: "a cloud's metadata service" },
  { net: "fd00:ec2::254/128", what: "a cloud's metadata service" },
  { net: "0.0.0.0/8", what: "this machine itself" },
  { net: "127.0.0.0/8", what: "a loopback address" },
  { net: "169.254.0.0/16", what: "a link-local address" },
  { net: "224.0.0.0/4", what: "a multicast address" },
  { net: "240.0.0.0/4", what: "a reserved or broadcast address" },
  { net: "::/128", what: "this machine itself" },
  { net: "::1/128", what: "a loopback address" },
  { net: "fe80::/10", what: "a link-local address" },
  { net: "fec0::/10", what: "a site-local address" },
  { net: "ff00::/8", what: "a multicast address" },
];

/** Names inside a cluster: what they lead to is the cluster's business, whatever they resolve to. */
const CLUSTER_NAME = /(^|\.)(svc|cluster\.local|kubernetes(\.default)?|localhost|internal)$/;

export type AddressRules = {
  /** Addresses and networks, such as `127.0.0.1` or `10.0.0.0/8`, that forwards may lead to although they are refused. */
  allow: string[];
  /** Networks refused beside the built-in ones: those of the cluster's pods and services. */
  deny: string[];
  /** Addresses of this machine's own interfaces, which are loopback under another name. */
  own: string[];
};

/** Answers the addresses of a name, as many as there are. Throws when it has none. */
export type Resolve = (host: string) => Promise<string[]>;

/**
 * Resolves an address and checks everything it resolves to; answers IP addresses to connect to, as they are to be used.
 * Throws `rejected` with the reason, or `unavailable` when a name cannot be resolved now.
 */
export async function checkAddress(host: string, rules: AddressRules, resolve: Resolve): Promise<string[]> {
  const name = canonical(host);
  const isIp = isIPv4(name) || isIPv6(name);
  if (!isIp && CLUSTER_NAME.test(name) && !allowsName(name, rules)) {
    throw refused(host, "", "a name inside a machine or a cluster, and no address outside");
  }
  const addresses = isIp ? [name] : await resolve(name);
  if (addresses.length === 0) throw new LossiError("not_found", `${quote(host)} has no address`);
  for (const address of addresses) {
    const what = whyRefused(address, rules);
    if (what !== null) throw refused(host, address, what);
  }
  return addresses;
}

function refused(host: string, address: string, what: string): LossiError {
  const is = address === "" || address === host ? "is" : `leads to ${address},`;
  return new LossiError(
    "rejected",
    `${quote(host)} ${is} ${what}; forwards lead there only where LOSSI_FORWARD_ALLOW says so`,
  );
}

/**
 * A host as a URL would read it: `0x7f.1`, `2130706433`, `①②⑦.0.0.1` and `[::ffff:7f00:1]` are what they mean.
 * Throws `rejected` for what is no host.
 */
export function canonical(host: string): string {
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  if (isIPv6(bare)) return inside(`[${bare.replace(/%.*$/, "")}]`);
  if (/^[^\s/?#@:\\[\]]{1,253}$/u.test(host) && !host.includes("..")) {
    try {
      return inside(host).replace(/\.$/, "");
    } catch {
      // Said below, in our own words.
    }
  }
  throw new LossiError(
    "rejected",
    `${quote(host)} is no address; expected a host name or an IP address, without a port`,
  );
}

const inside = (host: string): string => new URL(`http://${host}/`).hostname.replace(/^\[(.*)\]$/, "$1");

/** What an IP address is that forwards may not lead to, or `null`. */
export function whyRefused(address: string, rules: AddressRules): string | null {
  const real = unwrap(canonical(address));
  if (contains(rules.allow.filter(isNet), real)) return null;
  const builtIn = REFUSED.find(({ net }) => contains([net], real));
  if (builtIn !== undefined) return builtIn.what;
  if (contains(rules.own, real)) return "an address of this machine itself";
  return contains(rules.deny, real) ? "an address inside the cluster" : null;
}

const allowsName = (name: string, { allow }: AddressRules): boolean => allow.includes(name);
const isNet = (text: string): boolean => isIPv4(text.split("/")[0] ?? "") || isIPv6(text.split("/")[0] ?? "");

function contains(nets: readonly string[], address: string): boolean {
  const list = new BlockList();
  for (const net of nets) {
    const [base = "", bits] = net.split("/");
    const family = isIPv4(base) ? "ipv4" : "ipv6";
    list.addSubnet(base, Number(bits ?? (family === "ipv4" ? 32 : 128)), family);
  }
  return list.check(address, isIPv4(address) ? "ipv4" : "ipv6");
}

/** Where an IPv4 address stands inside an IPv6 one, in 16-bit groups: mapped, compatible, NAT64, 6to4, ISATAP. */
const EMBEDDED: readonly { net: string; at: number }[] = [
  { net: "::ffff:0:0/96", at: 6 },
  { net: "::ffff:0:0:0/96", at: 6 },
  { net: "::/96", at: 6 },
  { net: "64:ff9b::/96", at: 6 },
  { net: "64:ff9b:1::/48", at: 6 },
  { net: "2002::/16", at: 1 },
];

/** The IPv4 address that an IPv6 one carries, where it does. */
function unwrap(address: string): string {
  if (isIPv4(address) || ["::", "::1"].includes(address)) return address;
  const groups = groupsOf(address);
  const isTeredo = contains(["2001::/32"], address);
  if (isTeredo) return dotted((groups[6] as number) ^ 0xffff, (groups[7] as number) ^ 0xffff);
  const isIsatap = [0x0000, 0x0200].includes(groups[4] as number) && groups[5] === 0x5efe;
  const at = isIsatap ? 6 : EMBEDDED.find(({ net }) => contains([net], address))?.at;
  return at === undefined ? address : dotted(groups[at] as number, groups[at + 1] as number);
}

const dotted = (high: number, low: number): string => [high >> 8, high & 255, low >> 8, low & 255].join(".");

/** The eight groups of an IPv6 address in canonical spelling. */
function groupsOf(address: string): number[] {
  const [head = "", tail] = address.split("::");
  const parts = (text: string): number[] =>
    text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
  const [before, after] = [parts(head), parts(tail ?? "")];
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
}

/** Checks what `allow` and `deny` say. Throws `invalid`. */
export function parseNets(text: string): string[] {
  const nets = text.split(/[\s,]+/).filter((net) => net !== "");
  for (const net of nets) {
    const [base = "", bits = "0", ...rest] = net.split("/");
    const most = isIPv4(base) ? 32 : isIPv6(base) ? 128 : -1;
    const isName = most < 0 && /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(net) && /[a-z]/.test(net);
    if (rest.length > 0 || (!isName && (!/^\d{1,3}$/.test(bits) || Number(bits) > most))) {
      throw new LossiError(
        "invalid",
        `${quote(net)} is no address, network or name; expected such as 127.0.0.1 or 10.0.0.0/8`,
      );
    }
  }
  return nets;
}
