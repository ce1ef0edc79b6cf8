/** The folder where the platform keeps what outlives it. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Home {
  folder: string;
  /** Objects applied beside the manifests, a file each: put one in and it holds, take it away and it does not. */
  applied: string;
  /** Folder of the embedded store. */
  objects: string;
  /** What notifications of changed objects bring along; made once. */
  notificationSecret: string;
  /** What functions look names of the cluster up in. */
  hosts: string;
  /** Notes that a function has a process, or that it was put to sleep in order. */
  noteAwake(name: string, awake: boolean): void;
  /** Functions that had a process when the platform died. */
  awake(): string[];
  /** Keeps an object that was applied through the API. */
  apply(name: string, object: unknown): void;
  remove(name: string): void;
  /** Where names of the cluster lead: everything to the gateway, imports to ports of their own. */
  writeHosts(hosts: { gateway: number; imports: Record<string, number> }): void;
}

/** Opens the folder, readable by its owner alone. */
export function openHome(folder: string): Home {
  const awakeFolder = join(folder, "awake");
  const applied = join(folder, "applied");
  const objects = join(folder, "store");
  const hosts = join(folder, "hosts.json");
  for (const path of [folder, awakeFolder, applied, objects]) mkdirSync(path, { recursive: true, mode: 0o700 });
  const write = (path: string, value: unknown): void => {
    writeFileSync(`${path}.new`, JSON.stringify(value), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  };
  return {
    folder,
    applied,
    objects,
    notificationSecret: secretIn(join(folder, "notification-secret")),
    hosts,
    noteAwake(name, awake) {
      if (awake) writeFileSync(join(awakeFolder, name), "");
      else rmSync(join(awakeFolder, name), { force: true });
    },
    awake: () => readdirSync(awakeFolder),
    apply: (name, object) => write(join(applied, `${name}.json`), object),
    remove: (name) => rmSync(join(applied, `${name}.json`), { force: true }),
    writeHosts: (value) => write(hosts, value),
  };
}

function secretIn(file: string): string {
  if (!existsSync(file)) writeFileSync(file, randomBytes(24).toString("hex"), { mode: 0o600 });
  return readFileSync(file, "utf8");
}
