/** Bodies of `setup/config/init` that make lossi keep its objects in a twin. */
import type { Twin } from "./twin.ts";

const UNUSED = { "user-domain-name": "none", "project-domain-name": "none", "project-name": "none" };

export async function swiftInit(twin: Twin, prefix: string, key = twin.swift.key): Promise<Record<string, string>> {
  const { url, token } = await twin.swiftToken({ ...twin.swift, key });
  const access = { "used-client": "swift", "pre-auth-url": url, "pre-auth-token": token };
  return { ...names(prefix), ...access, ...UNUSED, "auth-version": "1" };
}

export function s3Init({ s3 }: Twin, prefix: string): Record<string, string> {
  const access = { "used-client": "s3", "pre-auth-url": "none", "pre-auth-token": "none" };
  const { endpoint, region, accessKeyId, secretAccessKey } = s3;
  const keys = { endpoint, region, "access-key-id": accessKeyId, "secret-access-key": secretAccessKey };
  return { ...names(prefix), ...access, ...UNUSED, "auth-version": "none", ...keys };
}

const names = (prefix: string) => ({ "bucket-prefix": prefix, "ice-id": "1", user: "me" });
