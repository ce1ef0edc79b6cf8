import * as z from "zod";

import { describe, nothing } from "#shared/http/describe.ts";
import type { Json } from "#shared/state/state.ts";

import { CLIENTS, routes } from "./routes.ts";

const used = (name: string) => ({ "used-client": z.literal(name) });
const configurations = {
  EmbeddedConfiguration: CLIENTS.none.extend(used("none")),
  SwiftConfiguration: CLIENTS.swift.extend(used("swift")),
  KeystoneConfiguration: CLIENTS.keystone.extend(used("swift")),
  S3Configuration: CLIENTS.s3.extend(used("s3")),
};
const { EmbeddedConfiguration, SwiftConfiguration, KeystoneConfiguration, S3Configuration } = configurations;
const configuration = z.union([EmbeddedConfiguration, SwiftConfiguration, KeystoneConfiguration, S3Configuration]);

const none: { [key: string]: Json } = {
  "bucket-prefix": "none",
  "ice-id": "none",
  user: "none",
  "used-client": "none",
  "pre-auth-url": "none",
  "pre-auth-token": "none",
  "user-domain-name": "none",
  "project-domain-name": "none",
  "project-name": "none",
  "auth-version": "none",
};
const { "ice-id": _iceId, ...nine } = none;

export const api = describe(routes, {
  summary: "The configuration, and the schedule",
  requests: {
    ...configurations,
    Configuration: configuration,
    StartSchedule: routes.startSchedule.body,
  },
  answers: { Nothing: nothing },
  operations: {
    initConfiguration: {
      summary: "Store the configuration, and make the buckets",
      description:
        "`used-client` says where objects are: `none` in the store that lossi was started with, `swift` with a storage URL and a token (or `none` for both, where lossi may ask Keystone), `s3` with four more keys. Nothing is stored when the store cannot be used. Calling again is safe, and brings a fresh token.",
      body: configuration,
      answer: nothing,
      errors: ["invalid", "conflict", "rejected"],
      examples: {
        tutorial: { body: none, answer: { output: null } },
        "a-key-is-missing": {
          body: nine,
          status: 400,
          answer: {
            code: "invalid",
            message: "body: ice-id: Invalid input: expected string, received undefined",
            requestId: "0f2f5a51-6f3f-4c6b-9d3f-8a4f5f1f9f10",
          },
        },
      },
    },
    startSchedule: {
      summary: "Turn the schedule on",
      description:
        "`task-times` are seconds between two rounds, the smallest of them counts: divisors of 60, and whole minutes and hours that cron can say.",
      answer: nothing,
      errors: ["invalid"],
      examples: {
        "every-half-minute": { body: { "task-times": ["30"] }, answer: { output: null } },
        "not-for-cron": {
          body: { "task-times": ["7"] },
          status: 400,
          answer: {
            code: "invalid",
            message: 'body: task-times: "7" is no interval that cron can say; nearest possible: 6 or 10 seconds',
            requestId: "0f2f5a51-6f3f-4c6b-9d3f-8a4f5f1f9f11",
          },
        },
      },
    },
    stopSchedule: {
      summary: "Turn the schedule off",
      answer: nothing,
      errors: ["invalid"],
      examples: { plain: { answer: { output: null } } },
    },
  },
});
