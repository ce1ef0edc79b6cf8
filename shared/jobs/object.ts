/** The job object `JOBS/{key}`, as the forwarder and the submitter on the supercomputer share it. */
import { LossiError } from "../errors.ts";
import type { Metadata, Store, StoredObject } from "../store/store.ts";
import type { Job } from "./request.ts";

type Fields = { [key: string]: unknown };

export const jobPath = (key: string | number): string => `JOBS/${key}`;
export const TEMPLATE_PATH = "JOBS/status-template";

/** The empty job, for buckets whose submitter left no template. */
export const BUILT_IN_TEMPLATE: Fields = {
  name: "",
  target: "",
  id: "",
  enviroment: {
    "submission-modules": [],
    venv: { name: "", directory: "", "configuration-modules": [], packages: [] },
  },
  files: { provide: [], store: [] },
  workflow: { requires: [], enables: [] },
  start: false,
  ready: false,
  submit: false,
  pending: false,
  running: false,
  cancel: false,
  stopped: false,
  stored: false,
  failed: false,
  complete: false,
};

/** Flags and the id are the protocol's own: a request may not set them. */
const OWN = new Set([
  "id",
  "start",
  "ready",
  "submit",
  "pending",
  "running",
  "cancel",
  "stopped",
  "stored",
  "failed",
  "complete",
]);

/** Lays the request's keys over the template; what the template does not know is left out and named in `dropped`. */
export function layOver(template: Fields, job: Job): { object: Fields; dropped: string[] } {
  const dropped: string[] = [];
  const merge = (base: Fields, over: Fields, path: string): Fields => {
    const merged = { ...base };
    for (const [key, value] of Object.entries(over)) {
      const known = Object.hasOwn(base, key) && !(path === "" && OWN.has(key));
      if (!known) dropped.push(path + key);
      else merged[key] = isFields(base[key]) && isFields(value) ? merge(base[key], value, `${path}${key}.`) : value;
    }
    return merged;
  };
  return { object: merge(template, job, ""), dropped };
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Reads an object that should hold a JSON object. Throws `rejected` that names what it holds instead. */
export function readFields(body: Uint8Array, key: string): Fields {
  if (body[0] === 0x80)
    throw new LossiError("rejected", `${key} is a Python pickle, which is not read here; store JSON`);
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
    if (isFields(value)) return value;
  } catch (cause) {
    throw new LossiError("rejected", `${key} is not JSON in UTF-8`, { cause });
  }
  throw new LossiError("rejected", `${key} holds no JSON object`);
}

/** The template of the bucket's submitter, or the built-in one. */
export async function readTemplate(store: Store, bucket: string): Promise<Fields> {
  const template = await store.get(bucket, TEMPLATE_PATH);
  return template === null ? BUILT_IN_TEMPLATE : readFields(template.body, TEMPLATE_PATH);
}

export type Rewrite = "written" | "unchanged" | "missing";

/**
 * Rewrites an object that the submitter rewrites too: reads it, lets `change` say what it should be (`null` leaves it), and
 * writes it only if nobody wrote in between, else begins again. The version grows by one, other metadata stays.
 */
export async function rewrite(
  store: Store,
  bucket: string,
  key: string,
  change: (fields: Fields) => Fields | null,
): Promise<Rewrite> {
  for (let tries = 0; tries < 20; tries++) {
    const current = await store.get(bucket, key);
    if (current === null) return "missing";
    const next = change(readFields(current.body, key));
    if (next === null) return "unchanged";
    const options = { contentType: current.contentType, metadata: nextVersion(current), ifMatch: current.etag };
    if ((await store.put(bucket, key, JSON.stringify(next), options)) !== null) return "written";
  }
  throw new LossiError("unavailable", `${bucket}/${key} is being rewritten without pause; tried again later`);
}

/** Metadata for a rewrite: `version` plus one, all else as it was. */
export function nextVersion({ metadata }: StoredObject): Metadata {
  return { ...metadata, version: String(Number(metadata["version"] ?? 0) + 1) };
}
