/** The job object `JOBS/{key}`, as the forwarder and the submitter on the supercomputer share it. */
import { LossiError } from "../errors.ts";
import { decode, encode, encodingOf } from "../objects/codec.ts";
import type { Encoding } from "../objects/codec.ts";
import { nextVersion } from "../objects/metadata.ts";
import type { Store } from "../store/store.ts";
import type { Job } from "./request.ts";

type Fields = { [key: string]: unknown };

export const jobPath = (key: string | number): string => `JOBS/${key}`;
export const TEMPLATE_PATH = "JOBS/status-template";

/** What a job may have set, in the order in which it comes to it. */
export const FLAGS = [
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
];

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
  ...Object.fromEntries(FLAGS.map((flag) => [flag, false])),
};

/** Flags and the id are the protocol's own: a request may not set them. */
const OWN = new Set(["id", ...FLAGS]);

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

/** Reads an object that should hold named fields, in either encoding. Throws `rejected` that names what it holds instead. */
export function readFields(body: Uint8Array, key: string): Fields {
  const value = decode(body, key);
  if (isFields(value)) return value;
  throw new LossiError("rejected", `${key} holds no object with named fields`);
}

/** A template says which fields there are, and how new objects beside it are encoded: as their reader writes. */
export type Template = { fields: Fields; encoding: Encoding };

/** The template at a path, or the built-in one. */
export async function readTemplate(store: Store, bucket: string, path: string, builtIn: Fields): Promise<Template> {
  const template = await store.get(bucket, path);
  if (template === null) return { fields: builtIn, encoding: "json" };
  return { fields: readFields(template.body, path), encoding: encodingOf(template.body) };
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
    if ((await store.put(bucket, key, encode(next, encodingOf(current.body)), options)) !== null) return "written";
  }
  throw new LossiError("unavailable", `${bucket}/${key} is being rewritten without pause; tried again later`);
}
