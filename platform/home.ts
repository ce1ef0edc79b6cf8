/** The folder where the platform keeps what outlives it: which functions were awake, and the objects applied to it. */
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Home {
  folder: string;
  /** Notes that a function has a process, or that it was put to sleep in order. */
  noteAwake(name: string, awake: boolean): void;
  /** Functions that had a process when the platform died. */
  awake(): string[];
  /** Keeps an object that was applied through the API. */
  apply(name: string, object: unknown): void;
  remove(name: string): void;
  applied(): { name: string; object: unknown }[];
}

/** Opens the folder, readable by its owner alone. */
export function openHome(folder: string): Home {
  const awakeFolder = join(folder, "awake");
  const appliedFolder = join(folder, "applied");
  for (const path of [folder, awakeFolder, appliedFolder]) mkdirSync(path, { recursive: true, mode: 0o700 });
  const file = (name: string): string => join(appliedFolder, `${name}.json`);
  return {
    folder,
    noteAwake(name, awake) {
      if (awake) writeFileSync(join(awakeFolder, name), "");
      else rmSync(join(awakeFolder, name), { force: true });
    },
    awake: () => readdirSync(awakeFolder),
    apply(name, object) {
      writeFileSync(`${file(name)}.new`, JSON.stringify(object), { mode: 0o600 });
      renameSync(`${file(name)}.new`, file(name));
    },
    remove: (name) => rmSync(file(name), { force: true }),
    applied: () =>
      readdirSync(appliedFolder)
        .filter((name) => name.endsWith(".json"))
        .map((name) => ({
          name: name.slice(0, -5),
          object: JSON.parse(readFileSync(join(appliedFolder, name), "utf8")) as unknown,
        })),
  };
}
