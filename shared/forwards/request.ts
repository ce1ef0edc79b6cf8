/** What `forw/submit` and `forw/stop` may ask for. */
import * as z from "zod";

import { LossiError } from "../errors.ts";
import { user } from "../jobs/request.ts";
import { parse, strict } from "../schema.ts";

/** How long forwards stand, in seconds: a month at most. */
export const ttlSeconds = z
  .int()
  .min(1)
  .max(30 * 24 * 60 * 60);

const connection = strict({
  name: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/, "expected up to 32 of a-z, 0-9 and dashes, such as ray-dashboard"),
  address: z.string().min(1).max(253),
  port: z
    .union([
      z.int(),
      z
        .string()
        .regex(/^\d{1,5}$/, "expected a port")
        .transform(Number),
    ])
    .pipe(z.int().min(1).max(65_535)),
});

const connections = z
  .array(connection)
  .max(20)
  .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, "each name may be there once");

export const forwardSubmission = strict({
  user: user.optional(),
  imports: connections.default([]),
  exports: connections.default([]),
  /** Seconds until the forwards end by themselves. */
  "ttl-seconds": ttlSeconds.optional(),
}).refine(({ imports, exports }) => imports.length + exports.length > 0, "name at least one import or export");

export type Connection = z.infer<typeof connection>;
export type ForwardSubmission = z.infer<typeof forwardSubmission>;

/** `"3,2"` as submit answered it, or one of the two: `"3"` is an import's key, or an export's where there is no such import. */
const key = z
  .string()
  .regex(
    /^(0|[1-9]\d{0,14})(,(0|[1-9]\d{0,14}))?$/,
    'expected keys as submit answered them, such as "3,0", or one such as 3',
  )
  .refine((text) => !/^0(,0)?$/.test(text), "0 stands for none");

export const forwardReference = strict({ key, user: user.optional() });
export const forwardKey = key;

/** The user as it stands in names: lower case, a dash for each run of other characters. */
export const userLabel = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");

/** `{user}-{key}-{name}`. Throws `invalid` when that is no name of a Service. */
export function forwardName(owner: string, key: number, name: string): string {
  const full = `${userLabel(owner)}-${key}-${name}`;
  if (full.length <= 63 && /^[a-z]/.test(full)) return full;
  throw new LossiError(
    "invalid",
    `${full} cannot name a Service; user, key and name together begin with a letter and have at most 63 characters`,
  );
}

/** Reads a submission. Throws `invalid` that says what would be right. */
export const parseForwards = (input: unknown): ForwardSubmission => parse(forwardSubmission, input, "body");
