import * as z from "zod";

import { PREFIX, defineEvent } from "./define.ts";

const job = {
  bucket: z.string().describe("of the user's submitter"),
  user: z.string().describe("as the bucket names it"),
  key: z.string().describe("of the job, as `orch/submit` answered it"),
  jobId: z.string().nullable().describe("Slurm's number, once there is one"),
};

const changed = (what: string, summary: string) =>
  defineEvent({
    type: `${PREFIX}job.${what}.v1`,
    name: `job-${what}`,
    data: z.object(job),
    summary,
    emittedBy: ["collector"],
    wakes: [],
  });

export const jobSubmitted = changed("submitted", "The supercomputer gave a job a number.");
export const jobStarted = changed("started", "A job was seen running, or has a start in its accounting.");
export const jobFinished = changed("finished", "A job is no longer in the supercomputer's queue.");

export const runCollected = defineEvent({
  type: `${PREFIX}run.collected.v1`,
  name: "run-collected",
  data: z.object({ ...job, state: z.string().describe("as sacct or seff say it, else as the job's flags do") }),
  summary: "Everything that a finished job left is in its run record `RUNS/{key}`, or the record says why not.",
  emittedBy: ["collector"],
  wakes: [],
});
