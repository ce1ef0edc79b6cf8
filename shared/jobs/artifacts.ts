/** The objects of one job. What is missing is `rejected`, with why that may be: the reason of a task that failed. */
import { LossiError, codeOf } from "../errors.ts";
import { FLAGS, jobPath } from "./object.ts";
import { decode } from "../objects/codec.ts";
import type { Json } from "../state/state.ts";
import type { Store } from "../store/store.ts";

export type JobPlace = { key: string; bucket: string; store: Store };

export type Fields = { [key: string]: Json };

/** `JOBS/{key}` */
export async function readJob(job: JobPlace): Promise<Fields> {
  const fields = await findJob(job);
  if (fields !== null) return fields;
  throw new LossiError("rejected", `there is no job ${job.key}: no ${jobPath(job.key)} in bucket ${job.bucket}`);
}

/** The same; `null` where there is none. */
export async function findJob(job: JobPlace): Promise<Fields | null> {
  const path = jobPath(job.key);
  const body = await read(path, job);
  return body && fieldsOf(body, path);
}

/** `ARTIFACTS/TIMES/{key}` */
export async function readTimes(job: JobPlace): Promise<Fields> {
  const path = `ARTIFACTS/TIMES/${job.key}`;
  const body = await read(path, job);
  if (body !== null) return fieldsOf(body, path);
  await readJob(job);
  throw new LossiError("rejected", `job ${job.key} has no times yet: they begin with orch/start`);
}

/** What sacct or seff said: its text as it stands, or what an encoded object holds. */
export async function readOutput(command: "SACCT" | "SEFF", job: JobPlace): Promise<unknown> {
  const path = `ARTIFACTS/${command}/${job.key}`;
  const body = await read(path, job);
  if (body === null) throw new LossiError("rejected", await whyMissing(path, job));
  return ENCODED.has(body[0] ?? 0) ? decode(body, path) : body;
}

/** How a pickle, a JSON object and a JSON string begin; sacct and seff begin with none of these. */
const ENCODED = new Set([0x80, 0x7b, 0x22]);

/** The targets of `files.store`, once the files are there; empty for an entry that names none. */
export const storedTargets = async (job: JobPlace): Promise<string[]> => targetsOf(job.key, await readJob(job));

/** The same of a job that was read already. */
export function targetsOf(key: string, fields: Fields): string[] {
  if (fields["stored"] !== true) throw new LossiError("rejected", notStored(key, fields));
  const { store } = (fields["files"] ?? {}) as { store?: unknown };
  return Array.isArray(store) ? store.map(targetOf) : [];
}

/** The buckets that a target may name. */
export type Buckets = { submitter: string; forwarder: string };
export type FilePlace = { bucket: string; key: string; folder: string; file: string };

/** Where a target lies: `storage/allas/{submitter|forwarder}/{path…}`. Throws `rejected`. */
export function locate(target: string, buckets: Buckets): FilePlace {
  const [storage, allas, owner, ...path] = target.split("/");
  const file = path.at(-1) ?? "";
  if (storage !== "storage" || allas !== "allas" || (owner !== "submitter" && owner !== "forwarder") || file === "")
    throw new LossiError(
      "rejected",
      "only files of storage/allas/submitter and storage/allas/forwarder can be fetched",
    );
  return { bucket: buckets[owner], key: path.join("/"), folder: path.at(-2) || owner, file };
}

const targetOf = (file: { target?: unknown } | null): string => (typeof file?.target === "string" ? file.target : "");

async function whyMissing(path: string, job: JobPlace): Promise<string> {
  const fields = await readJob(job);
  if (fields["stored"] !== true) return notStored(job.key, fields);
  return `job ${job.key} is stored, but its submitter left no ${path} in bucket ${job.bucket}`;
}

function notStored(key: string, fields: Fields): string {
  const before = FLAGS.slice(0, FLAGS.indexOf("stored"));
  const set = before.filter((flag) => fields[flag] === true).join(", ") || "none";
  return `job ${key} has not been stored yet: its flag stored is false; set so far: ${set}`;
}

/** Bytes of the largest object that is read. */
const LIMIT = 16 * 1024 * 1024;

/** A bucket that is not there holds nothing. */
async function read(path: string, { bucket, store }: JobPlace): Promise<Uint8Array | null> {
  const object = await store.get(bucket, path).catch((error: unknown) => {
    if (codeOf(error) === "not_found") return null;
    throw error;
  });
  if (object === null || object.body.byteLength <= LIMIT) return object && object.body;
  throw new LossiError("rejected", `${path} is larger than ${LIMIT} bytes`);
}

function fieldsOf(body: Uint8Array, path: string): Fields {
  const value = decode(body, path);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new LossiError("rejected", `${path} holds no object`);
}
