/** The lossi of somebody else that LOSSI_TEST_EDGE names, in a cluster or beside the tests. */
import { beforeEach } from "vitest";
import * as z from "zod";

import { loadConfig } from "#shared/config.ts";
import type { S3Options } from "#shared/store/s3.ts";

/** Its address; `undefined` where each test starts a platform of its own. */
export const edge = process.env["LOSSI_TEST_EDGE"];

/** What says there who is calling, where that is asked. */
export const token = process.env["LOSSI_TEST_TOKEN"];

/** The ingress of the cluster's brokers. */
export const broker = process.env["LOSSI_TEST_BROKER"];

/** Whether there is one, so that tests which need a platform of their own are skipped; it prints why they do. */
export function skipsOnEdge(why: string): boolean {
  if (edge !== undefined) console.warn(`skipped with LOSSI_TEST_EDGE: ${why}`);
  return edge !== undefined;
}

/** The same for all tests of a file. */
export function platformsOnly(why: string): void {
  if (skipsOnEdge(why)) beforeEach(({ skip }) => skip(why));
}

const text = z.string().min(1);
const variables = z.object({
  AWS_ENDPOINT_URL: z.url({ protocol: /^https?$/ }),
  AWS_REGION: text,
  AWS_ACCESS_KEY_ID: text,
  AWS_SECRET_ACCESS_KEY: text,
});

export type S3 = Omit<S3Options, "turns">;

/** Where it keeps objects, as this machine reaches it. Throws `invalid` with the variables that are missing. */
export function s3OfEdge(): S3 {
  const { AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = loadConfig(variables);
  return {
    endpoint: AWS_ENDPOINT_URL,
    region: AWS_REGION,
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
  };
}

/** The same where it does not know of that S3 yet, so that `init` has to say it: `LOSSI_TEST_CLIENT=s3`. */
export const s3ToTellEdge = (): S3 | undefined => (process.env["LOSSI_TEST_CLIENT"] === "s3" ? s3OfEdge() : undefined);
