import * as z from "zod";

import { kubernetesVariables } from "./cluster/kubernetes/config.ts";
import { LossiError } from "./errors.ts";
import { accessConfig } from "./http/access.ts";
import { explain, timeZone } from "./schema.ts";
import { redisVariables } from "./state/redis-config.ts";
import { embeddedVariables } from "./store/embedded-config.ts";
import { keystoneVariables } from "./store/keystone-config.ts";

const text = (fallback: string) => z.string().min(1).default(fallback);
/** A positive whole number with a default. */
export const count = (fallback: number) => z.coerce.number().int().positive().default(fallback);

/** What every function reads from its environment. A function's own `config.ts` extends it. */
export const baseConfig = z.object({
  /** Port to listen on, on the loopback address: Knative's queue proxy sits in the same pod. */
  PORT: z.coerce.number().int().min(0).max(65535).default(8080),
  /** Folder of the embedded drivers. */
  LOSSI_HOME: text(".lossi"),
  ...redisVariables,
  ...keystoneVariables,
  ...embeddedVariables,
  LOSSI_LOG_LEVEL: z.enum(["debug", "info", "warn", "error"]).default("info"),
  /** Where announcements go; without one they wait in the outbox for a process that has it. */
  LOSSI_BROKER_URL: z.url({ protocol: /^https?$/ }).optional(),
  /** The API of the laptop platform, where clocks and forwards are asked for. */
  LOSSI_CLUSTER_URL: z.url({ protocol: /^https?$/ }).optional(),
  ...kubernetesVariables,
  ...accessConfig,
  /** How often work on a task may begin before it fails for good. */
  LOSSI_TASK_ATTEMPTS: count(12),
  /** Milliseconds until the lease of a worker that died passes on. */
  LOSSI_TASK_LEASE_MS: count(5000),
  /** Days that ended tasks and log lines are kept. */
  LOSSI_KEEP_DAYS: count(30),
  /** Most ended tasks and most log lines that are kept. */
  LOSSI_KEEP_TASKS: count(100_000),
  LOSSI_KEEP_LINES: count(100_000),
});

/** What the Secret `lossi` may hold on a cluster. */
export const secretVariables: readonly string[] = [
  "LOSSI_AUTHENTICATION",
  "LOSSI_USERS",
  "FLOWER_USERNAME",
  "FLOWER_PASSWORD",
  "OS_PASSWORD",
  ...Object.keys(redisVariables),
];

/** For functions that read sacct. */
export const slurmTimeZone = {
  /** IANA zone of the supercomputer's clocks, which sacct's times do not name. */
  LOSSI_SLURM_TIME_ZONE: timeZone.default("UTC"),
};

export type BaseConfig = z.infer<typeof baseConfig>;

/** Reads the environment; throws `invalid` naming every variable that is wrong and what would be right. */
export function loadConfig<T extends z.ZodType>(schema: T, env: NodeJS.ProcessEnv = process.env): z.infer<T> {
  const parsed = schema.safeParse(env);
  if (!parsed.success) throw new LossiError("invalid", `environment: ${explain(parsed.error)}`);
  return parsed.data;
}
