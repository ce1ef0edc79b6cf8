/** `FORWARDS/{IMPORTS,EXPORTS}/{submitter bucket}/{key}` in the forwarder's bucket, as existing clients know them. */
import { readTemplate, rewrite } from "../jobs/object.ts";
import type { Rewrite } from "../jobs/object.ts";
import { encode } from "../objects/codec.ts";
import type { Store } from "../store/store.ts";
import type { Connection } from "./request.ts";

export type Kind = "import" | "export";

const TEMPLATE = "FORWARDS/status-template";
const BUILT_IN = { created: false, cancel: false, deleted: false, connections: [], services: {} };

/** Where a user's forwards of one kind stand, with a slash at the end. */
export const forwardPrefix = (kind: Kind, submitterBucket: string): string =>
  `FORWARDS/${kind === "import" ? "IMPORTS" : "EXPORTS"}/${submitterBucket}/`;

/** The object of new forwards: the bucket's template with its connections. */
export async function newForwardObject(store: Store, bucket: string, connections: Connection[]): Promise<Uint8Array> {
  const { fields, encoding } = await readTemplate(store, bucket, TEMPLATE, BUILT_IN);
  return encode({ ...fields, connections }, encoding);
}

/** Changes some fields; an object that has them already stays as it is. */
export const changeForward = (store: Store, bucket: string, path: string, change: object): Promise<Rewrite> =>
  rewrite(store, bucket, path, (fields) => {
    const next = { ...fields, ...change };
    return JSON.stringify(next) === JSON.stringify(fields) ? null : next;
  });
