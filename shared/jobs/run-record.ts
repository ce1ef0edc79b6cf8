/** The run record `RUNS/{key}`: what is known of one job, from every object that tells of it. */
import * as z from "zod";

const metrics = z.record(z.string(), z.number());
const metadata = z.record(z.string(), z.string());
const seconds = z.number().describe("since 1970");

export const runRecord = z
  .object({
    version: z.literal(1),
    key: z.string(),
    user: z.string().describe("as the bucket names it"),
    bucket: z.string(),
    name: z.string().describe("path of the batch file"),
    target: z.string().describe("such as hpc/puhti"),
    jobId: z.string().nullable().describe("Slurm's number"),
    state: z.string().describe("as sacct says it, else seff, else the last flag that is set"),
    exitCode: z.string().nullable(),
    flags: z.array(z.string()).describe("those of the job object that are set"),
    requested: z.object({
      cpus: z.number().optional(),
      nodes: z.number().optional(),
      timelimitSeconds: z.number().optional(),
    }),
    used: z.object({
      cpus: z.number().optional(),
      nodes: z.number().optional(),
      elapsedSeconds: z.number().optional(),
      cpuSeconds: z.number().optional(),
      memoryBytes: z.number().optional(),
      billingUnits: z.number().optional(),
    }),
    efficiency: z.object({ cpuPercentage: z.number().optional(), memoryPercentage: z.number().optional() }),
    submittedAt: seconds.nullable(),
    startedAt: seconds.nullable(),
    endedAt: seconds.nullable(),
    times: metrics.nullable().describe("ARTIFACTS/TIMES"),
    sacct: z.record(z.string(), z.object({ metrics, metadata })).nullable(),
    seff: z.object({ metrics, metadata }).nullable(),
    files: z.array(
      z.object({
        bucket: z.string(),
        key: z.string(),
        size: z.number().describe("bytes"),
        etag: z.string(),
        md5: z.string().nullable().describe("hex; null where the file is too large to read for it"),
      }),
    ),
    missing: z.record(z.string(), z.string()).describe("for each source that is not there, why"),
    unreadable: z.array(z.string()).describe("what stands in a source and cannot be read"),
  })
  .meta({ title: "Run record", description: "RUNS/{key}: what is known of one job on a supercomputer." });

export type RunRecord = z.infer<typeof runRecord>;
