/** Notifications as Ceph's gateway sends them: plain S3 records, with CloudEvents headers from release 17 on. */
import { createHash, timingSafeEqual } from "node:crypto";

import * as z from "zod";

import { LossiError } from "#shared/errors.ts";
import type { Place } from "#shared/objects/watched.ts";
import { parse } from "#shared/schema.ts";

const record = z.looseObject({
  opaqueData: z.string().default(""),
  s3: z.looseObject({
    bucket: z.looseObject({ name: z.string().min(3).max(63) }),
    object: z.looseObject({ key: z.string().min(1).max(1024) }),
  }),
});
export const notification = z.looseObject({ Records: z.array(record).min(1).max(1000) });

/**
 * The places that a notification tells of. What it says happened there is not believed: a refused put notifies as well.
 * Throws `invalid`, or `forbidden` where a record does not bring the secret.
 */
export function placesOf(body: unknown, secret: string | undefined): Place[] {
  const { Records } = parse(notification, body, "notification");
  if (secret === undefined) throw new LossiError("forbidden", "no notifications are taken: no secret is configured");
  for (const { opaqueData } of Records) {
    if (!isSame(opaqueData, secret))
      throw new LossiError("forbidden", "the notification's OpaqueData is not the secret that its topic was given");
  }
  return Records.map(({ s3 }) => ({ bucket: s3.bucket.name, key: s3.object.key }));
}

const isSame = (one: string, other: string): boolean => timingSafeEqual(digest(one), digest(other));
const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
