/** Whether the laptop honours the manifests. */
import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";

import { loadManifests } from "#platform/manifests/load.ts";
import type { Loaded } from "#platform/manifests/load.ts";
import { messageOf } from "#shared/errors.ts";

import type { Environment } from "../client.ts";
import { many } from "../words.ts";
import { failed, ok, skipped } from "./check.ts";
import type { Finding } from "./check.ts";

export type ManifestsFound = { finding: Finding; loaded: Loaded | null };

/** Those of the clone that this file or the caller is in, where none are named. */
export function checkManifests(named: string | undefined, env: Environment): ManifestsFound {
  const own = [join(import.meta.dirname, ".."), process.cwd()].map((root) => join(root, "knative/base"));
  const folder = named ?? own.find((one) => existsSync(one));
  if (folder === undefined)
    return { finding: skipped("no manifests here; --manifests FOLDER says where they are"), loaded: null };
  const shown = relative(process.cwd(), resolve(folder)) || folder;
  try {
    const loaded = loadManifests(shown, { env });
    const { services, triggers } = loaded.resources;
    return {
      finding: ok(`${shown}: ${many(services.length, "Service")}, ${many(triggers.length, "Trigger")}`),
      loaded,
    };
  } catch (error) {
    const problems = messageOf(error).split("\n");
    const finding = failed(
      `${many(problems.length, "problem")} in the manifests`,
      problems.join("\n"),
      `correct ${problems.length === 1 ? "it" : "them"} (docs/manifests.md has every field), then lossi doctor --manifests ${shown}`,
    );
    return { finding, loaded: null };
  }
}
