/** Bodies of `setup/config/init` that make lossi keep its objects in a twin. */
import type { Twin } from "./twin.ts";

const UNUSED = { "user-domain-name": "none", "project-domain-name": "none", "project-name": "none" };

export const swiftInit = async (twin: Twin, prefix: string, key = twin.swift.key): Promise<Record<string, string>> => ({
  ...names(prefix),
  ...(await swiftAccess(twin, key)),
  ...UNUSED,
  "auth-version": "1",
});

export const s3Init = (twin: Twin, prefix: string): Record<string, string> => ({
  ...names(prefix),
  ...s3Access(twin),
  "pre-auth-url": "none",
  "pre-auth-token": "none",
  ...UNUSED,
  "auth-version": "none",
});

/** What a configuration says of the twin's Swift. */
export async function swiftAccess(twin: Twin, key = twin.swift.key) {
  const { url, token } = await twin.swiftToken({ ...twin.swift, key });
  return { "used-client": "swift", "pre-auth-url": url, "pre-auth-token": token };
}

/** What a configuration says of the twin's S3. */
export function s3Access({ s3: { endpoint, region, accessKeyId, secretAccessKey } }: Pick<Twin, "s3">) {
  return { "used-client": "s3", endpoint, region, "access-key-id": accessKeyId, "secret-access-key": secretAccessKey };
}

const names = (prefix: string) => ({ "bucket-prefix": prefix, "ice-id": "1", user: "me" });
