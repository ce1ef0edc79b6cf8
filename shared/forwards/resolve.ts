import { lookup } from "node:dns/promises";
import { networkInterfaces } from "node:os";

import { LossiError } from "../errors.ts";
import type { Resolve } from "./address.ts";

/** The system's own resolver, `/etc/hosts` included. Throws `rejected` for a name without an address, else `unavailable`. */
export const resolve: Resolve = async (host) => {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOTFOUND") throw new LossiError("not_found", `${host} has no address`, { cause });
    throw new LossiError("unavailable", `${host} cannot be resolved now (${code})`, { cause });
  }
};

/** Addresses of this machine. */
export const ownAddresses = (): string[] =>
  Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
