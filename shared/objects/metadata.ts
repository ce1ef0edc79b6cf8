/** Metadata of the objects that we write: which version it is, and in which trace it was written. */
import type { Metadata, StoredObject } from "../store/store.ts";
import { traceHeaders } from "../trace.ts";

/** A `traceparent` in an object's metadata leads from what wrote it to what it causes; `tracestate` can be too long for Swift. */
const traced = ({ traceparent } = traceHeaders()): Metadata => (traceparent === undefined ? {} : { traceparent });

/** What one of us wrote goes on in the trace that it names; anything else begins one of its own. */
export const traceOf = (object: StoredObject | null) => ({ traceparent: object?.metadata["traceparent"] });

/** Metadata of a new object. */
export const firstVersion = (): Metadata => ({ version: "1", ...traced() });

/** Metadata for a rewrite: `version` plus one, the trace of the moment, all else as it was. */
export const nextVersion = ({ metadata }: StoredObject): Metadata => ({
  ...metadata,
  version: String(Number(metadata["version"] ?? 0) + 1),
  ...traced(),
});
