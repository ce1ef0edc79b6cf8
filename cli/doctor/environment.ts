/** What every function would say of its environment, all of it at once. */
import { config as artifacts } from "#functions/artifacts/config.ts";
import { config as automation } from "#functions/automation/config.ts";
import { config as bucketEvents } from "#functions/bucket-events/config.ts";
import { config as collector } from "#functions/collector/config.ts";
import { config as forwarding } from "#functions/forwarding/config.ts";
import { config as monitor } from "#functions/monitor/config.ts";
import { config as schedule } from "#functions/schedule/config.ts";
import { config as setup } from "#functions/setup/config.ts";
import { platformConfig } from "#platform/config.ts";
import type { ServiceResource } from "#platform/resources.ts";
import { baseConfig, loadConfig, secretVariables } from "#shared/config.ts";
import { messageOf } from "#shared/errors.ts";
import { FUNCTION_NAMES } from "#shared/functions.ts";
import type { FunctionName } from "#shared/functions.ts";
import { nearest } from "#shared/schema.ts";

import type { Environment } from "../client.ts";
import { many } from "../words.ts";
import { failed, ok } from "./check.ts";
import type { Finding } from "./check.ts";

/** Those that read more than all do. */
const SCHEMAS: { [name in FunctionName]?: typeof baseConfig } = {
  artifacts,
  automation,
  "bucket-events": bucketEvents,
  collector,
  forwarding,
  monitor,
  schedule,
  setup,
};

/** Variables of the platform and of this command. */
const OTHERS = ["LOSSI_PORT", "LOSSI_GPU_CARDS", "LOSSI_URL", "LOSSI_TOKEN"];

export function checkEnvironment(env: Environment, services: ServiceResource[]): Finding {
  const problems = new Set([...platformProblems(env), ...functionProblems(env, services), ...misspelt(env)]);
  if (problems.size === 0) return ok(`the environment of ${many(FUNCTION_NAMES.length, "function")}`);
  const names = [...problems].map((problem) => /^[A-Z_0-9]+/.exec(problem)?.[0] ?? "");
  const own = [...new Set(names)].filter((name) => env[name] !== undefined);
  return failed(
    `the environment is wrong in ${many(problems.size, "place")}`,
    [...problems].join("\n"),
    own.length > 0
      ? `unset ${own.join(" ")}   (or export what is expected), then lossi doctor`
      : "correct the value in the ConfigMap of the manifests, then lossi doctor",
  );
}

function platformProblems(env: Environment): string[] {
  try {
    platformConfig(env);
    return [];
  } catch (error) {
    return [messageOf(error)];
  }
}

function functionProblems(env: Environment, services: ServiceResource[]): string[] {
  return FUNCTION_NAMES.flatMap((name) => {
    try {
      loadConfig(SCHEMAS[name] ?? baseConfig, environmentOf(name, env, services));
      return [];
    } catch (error) {
      return messageOf(error)
        .replace(/^environment: /, "")
        .split(/; (?=[A-Z_0-9]+: )/);
    }
  });
}

/** As the platform hands it to a function. */
function environmentOf(name: string, env: Environment, services: ServiceResource[]): Environment {
  const stated = services.find((service) => service.function === name)?.env;
  const secrets = Object.fromEntries(secretVariables.map((variable) => [variable, env[variable]]));
  // Without manifests, what they could name comes from the environment itself.
  return { ...(stated ?? env), ...secrets, LOSSI_HOME: env["LOSSI_HOME"], LOSSI_PUBLIC_URL: "http://127.0.0.1" };
}

/** Variables that nobody reads, and whose names are nearly those of others. */
function misspelt(env: Environment): string[] {
  const schemas = [baseConfig, ...Object.values(SCHEMAS)];
  const known = [...new Set([...schemas.flatMap((schema) => Object.keys(schema.shape)), ...OTHERS])];
  return Object.keys(env)
    .filter((name) => name.startsWith("LOSSI_") && !known.includes(name))
    .flatMap((name) => {
      const near = nearest(name, known);
      return near === null ? [] : [`${name}: nothing reads it; did you mean ${near}?`];
    });
}
