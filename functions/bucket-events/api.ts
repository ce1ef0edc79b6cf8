import * as z from "zod";

import { describe, nothing } from "#shared/http/describe.ts";

import { notification } from "./notification.ts";
import { routes } from "./routes.ts";

const instant = z.iso.datetime();
export const watchedBuckets = z.object({
  buckets: z.array(z.object({ bucket: z.string(), since: instant })),
  notifications: z
    .object({ on: z.boolean(), reason: z.string().nullable() })
    .nullable()
    .describe("whether the store notifies, and why not; null before init"),
  lastSweep: z
    .object({
      at: instant,
      buckets: z.int(),
      objects: z.int(),
      told: z.int().describe("events of changes that no notification told"),
      failed: z
        .array(z.string())
        .describe("buckets, and folders and files of the embedded store, that could not be read, with the reason"),
      milliseconds: z.int(),
    })
    .nullable(),
});

export const api = describe(routes, {
  summary: "Changes in buckets",
  requests: { Notification: notification },
  answers: { Nothing: nothing, WatchedBuckets: watchedBuckets },
  operations: {
    notify: {
      summary: "Take a notification of a gateway",
      description:
        "S3 records as Ceph's gateway sends them. Instead of a caller's token each brings the secret that its topic was given, as `opaqueData`.",
      body: notification,
      answer: nothing,
      errors: ["invalid", "conflict"],
      examples: {
        "a-guess": {
          body: {
            Records: [
              {
                opaqueData: "guessed",
                s3: { bucket: { name: "none-submitter-none-none" }, object: { key: "JOBS/1" } },
              },
            ],
          },
          status: 403,
          answer: {
            code: "forbidden",
            message: "the notification's OpaqueData is not the secret that its topic was given",
            requestId: "0f2f5a51-6f3f-4c6b-9d3f-8a4f5f1f9f19",
          },
        },
      },
    },
    describeBuckets: {
      summary: "What is watched, and what the last sweep found",
      answer: watchedBuckets,
      errors: ["conflict"],
      examples: {
        "after-init": {
          answer: {
            buckets: [
              { bucket: "none-forwarder-none", since: "2026-01-01T00:00:00.000Z" },
              { bucket: "none-submitter-none-none", since: "2026-01-01T00:00:00.000Z" },
            ],
            notifications: null,
            lastSweep: null,
          },
        },
      },
    },
  },
});
