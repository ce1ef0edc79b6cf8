import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { onTestFinished } from "vitest";

const root = join(import.meta.dirname, "../..");
const TOOLS = ["docker", "kind", "kubectl", "helm", "curl", "df", "nvidia-smi"];
export const ALL = ["--gpu", "--registry", "--ray", "--airflow", "--storage"];

export type Run = { home: string; status: number | null; out: string; err: string; calls: string[] };

export type Machine = {
  /** Runs kind/up or kind/down with stand-ins for all tools; `behaviour` says how they behave. */
  run: (script: "up" | "down", options?: string[], behaviour?: Record<string, string>) => Run;
  /** What a tool was handed on standard input, in order. */
  texts: () => string[];
  secrets: () => Record<string, string>;
  without: (tool: string) => void;
  /** Where the scripts and the stand-ins are, and what they need in the environment. */
  home: string;
  env: Record<string, string>;
};

/** A copy of the scripts in a folder of its own, on a machine where nothing was made yet; `end` hears when it may go. */
export function createMachine(end: (remove: () => void) => void = onTestFinished): Machine {
  const home = mkdtempSync(join(tmpdir(), "lossi-kind-"));
  end(() => rmSync(home, { recursive: true }));
  const [bin, state] = [join(home, "bin"), join(home, "state")];
  for (const folder of [bin, state]) mkdirSync(folder);
  for (const tool of TOOLS) symlinkSync(join(root, "test/kind/stand-in"), join(bin, tool));
  cpSync(join(root, "kind"), join(home, "kind"), { recursive: true });
  cpSync(join(root, "knative"), join(home, "knative"), { recursive: true });
  mkdirSync(join(home, "image"));
  for (const file of ["Containerfile", "image/model.Containerfile"]) writeFileSync(join(home, file), "FROM scratch\n");
  const files = (prefix: string): string[] => readdirSync(state).filter((name) => name.startsWith(prefix));
  const read = (name: string): string => readFileSync(join(state, name), "utf8");
  const env = {
    PATH: `${bin}:/usr/bin:/bin`,
    HOME: home,
    STAND_IN: state,
    STAND_IN_GRAMMAR: join(root, "test/kind/grammar.txt"),
  };
  return {
    home,
    env,
    run: (script, options = [], behaviour = {}) => {
      writeFileSync(join(state, "calls"), "");
      const { status, stdout, stderr } = spawnSync("bash", [join(home, "kind", script), ...options], {
        encoding: "utf8",
        // Who answers through a pipe was not asked.
        input: "y\n".repeat(9),
        env: { ...env, ...behaviour },
      });
      return {
        home,
        status,
        out: stdout,
        err: stderr,
        calls: read("calls")
          .split("\n")
          .filter((line) => line !== ""),
      };
    },
    texts: () =>
      files("text-")
        .toSorted((a, b) => Number(a.slice(5)) - Number(b.slice(5)))
        .map(read),
    secrets: () => Object.fromEntries(files("secret-").map((name) => [name.slice("secret-".length), read(name)])),
    without: (tool) => rmSync(join(bin, tool)),
  };
}
