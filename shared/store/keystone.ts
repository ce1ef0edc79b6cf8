/** Tokens of OpenStack Keystone v3, for the Swift driver: by password, scoped to one project. */
import * as z from "zod";

import { LossiError, messageOf } from "../errors.ts";
import type { KeystoneConfig } from "./keystone-config.ts";
import type { SwiftAccess, SwiftOptions } from "./swift.ts";

export type KeystoneOptions = {
  config: KeystoneConfig;
  userDomain: string;
  projectDomain: string;
  project: string;
  /** Used instead of the one in the catalog. */
  storageUrl?: string;
  /** Used until it is refused; only with a storage URL. */
  token?: string;
  /** Milliseconds until an answer is given up; default 10 000. */
  timeoutMs?: number;
};

const catalog = z.object({
  token: z.object({
    expires_at: z.string().nullish(),
    catalog: z
      .array(
        z.object({
          type: z.string(),
          endpoints: z
            .array(z.object({ interface: z.string(), url: z.string(), region: z.string().nullish() }))
            .default([]),
        }),
      )
      .default([]),
  }),
});

type Catalog = z.infer<typeof catalog>["token"]["catalog"];

/** The access for a Swift driver; those who were refused at the same time wait for one new token. */
export function keystoneAccess(options: KeystoneOptions): SwiftOptions["access"] {
  const { storageUrl, token } = options;
  let current: Promise<SwiftAccess> | undefined =
    storageUrl !== undefined && token !== undefined ? Promise.resolve({ url: storageUrl, token }) : undefined;
  return async (refused) => {
    const held = current;
    const access = await held;
    if (access !== undefined && access.token !== refused?.token) return access;
    if (current !== undefined && current !== held) return current;
    const asked = askForToken(options);
    current = asked;
    // Who asks after a failure tries again.
    asked.catch(() => current === asked && (current = undefined));
    return asked;
  };
}

/** Throws `credentials` where Keystone does not let the user in, `unavailable` where trying again may help. */
async function askForToken(options: KeystoneOptions): Promise<SwiftAccess> {
  const { config, userDomain, projectDomain, project, storageUrl, timeoutMs = 10_000 } = options;
  const user = { name: config.OS_USERNAME, domain: { name: userDomain }, password: config.OS_PASSWORD };
  const identity = { methods: ["password"], password: { user } };
  const scope = { project: { name: project, domain: { name: projectDomain } } };
  const asked = `${config.OS_AUTH_URL.replace(/\/+$/, "")}/auth/tokens`;
  let answer: Response;
  let body: unknown;
  try {
    answer = await fetch(asked, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ auth: { identity, scope } }),
      // The password is for nobody else.
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMs),
    });
    body = await answer.json().catch((error: unknown) => {
      if (error instanceof SyntaxError) return null;
      throw error;
    });
  } catch (cause) {
    throw new LossiError("unavailable", `Keystone at ${config.OS_AUTH_URL} cannot be reached: ${messageOf(cause)}`);
  }
  checkStatus(answer.status, options);
  const token = answer.headers.get("x-subject-token");
  if (token === null) throw new LossiError("unavailable", `Keystone at ${config.OS_AUTH_URL} answered without a token`);
  const parsed = catalog.safeParse(body).data?.token;
  const expiresAt = Date.parse(parsed?.expires_at ?? "");
  const url = storageUrl ?? storageUrlIn(parsed?.catalog ?? [], options);
  return { token, url, ...(!Number.isNaN(expiresAt) && { expiresAt }) };
}

function checkStatus(status: number, { config, project }: KeystoneOptions): void {
  if (status < 300) return;
  const where = `Keystone at ${config.OS_AUTH_URL}`;
  if (status === 401 || status === 403)
    throw new LossiError(
      "credentials",
      `${where} does not let ${config.OS_USERNAME} into project ${project} (${status}); check OS_USERNAME, OS_PASSWORD, project-name and both domain names`,
    );
  if (status === 429 || status >= 500) throw new LossiError("unavailable", `${where} answered ${status}`);
  throw new LossiError("credentials", `${where} answered ${status}; OS_AUTH_URL should end in /v3`);
}

function storageUrlIn(services: Catalog, { config, project }: KeystoneOptions): string {
  const region = config.OS_REGION_NAME;
  const found = services
    .filter(({ type }) => type === "object-store")
    .flatMap(({ endpoints }) => endpoints)
    .find((one) => one.interface === "public" && (region === "" || one.region === region));
  if (found !== undefined && /^https?:/.test(found.url) && URL.canParse(found.url)) return found.url;
  const where = region === "" ? "" : ` in region ${region}`;
  throw new LossiError(
    "credentials",
    `Keystone names no object store of project ${project}${where}; check OS_REGION_NAME or give pre-auth-url`,
  );
}
