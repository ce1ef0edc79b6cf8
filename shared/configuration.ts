/** What `setup/config/init` stored: where the objects of the forwarder and of each user's submitter live. */
import { LossiError } from "./errors.ts";
import type { Documents } from "./state/state.ts";

/** The ten keys of the public call, as existing clients send them. */
export const CONFIGURATION_KEYS = [
  "bucket-prefix",
  "ice-id",
  "user",
  "used-client",
  "pre-auth-url",
  "pre-auth-token",
  "user-domain-name",
  "project-domain-name",
  "project-name",
  "auth-version",
] as const;

/** What is needed beside them where `used-client` is `s3`. */
export const S3_KEYS = ["endpoint", "region", "access-key-id", "secret-access-key"] as const;

export type Configuration = Record<(typeof CONFIGURATION_KEYS)[number], string> &
  Partial<Record<(typeof S3_KEYS)[number], string>>;

export const CONFIGURATION_DOCUMENT = "configuration";

/** The stored configuration. Throws `conflict` when there is none yet. */
export async function requireConfiguration(documents: Documents): Promise<Configuration> {
  const document = await documents.get(CONFIGURATION_DOCUMENT);
  if (document === null) {
    throw new LossiError("conflict", "there is no configuration yet; call POST /setup/config/init first");
  }
  return document.value as Configuration;
}

/** `{bucket-prefix}-forwarder-{ice-id}` */
export const forwarderBucket = (configuration: Configuration): string =>
  `${configuration["bucket-prefix"]}-forwarder-${configuration["ice-id"]}`;

/** `{bucket-prefix}-submitter-{ice-id}-{user}`, the user in lower case with `-` for each run of other characters. */
export function submitterBucket(configuration: Configuration, user: string): string {
  const name = user.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  return `${configuration["bucket-prefix"]}-submitter-${configuration["ice-id"]}-${name}`;
}
