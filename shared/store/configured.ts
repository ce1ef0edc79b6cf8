/** The store that `setup/config/init` named, whichever that is at the moment of each call. */
import { CONFIGURATION_DOCUMENT } from "../configuration.ts";
import type { Configuration } from "../configuration.ts";
import type { Documents } from "../state/state.ts";
import { missingFrom } from "./keystone-config.ts";
import type { KeystoneConfig } from "./keystone-config.ts";
import { lazyStore } from "./lazy.ts";
import type { Store } from "./store.ts";
import type { SwiftOptions } from "./swift.ts";
import type { Turns } from "./turns.ts";

export type ConfiguredOptions = {
  documents: Documents;
  /** What `"used-client": "none"` means, and what there is before the first configuration. */
  embedded: Store;
  /** Who asks for tokens where a configuration brings none, or when the one it brought has expired. */
  keystone: KeystoneConfig;
  onCollision: Turns["onCollision"];
  /** Hears of each token that is taken into use. */
  onToken?: (token: TokenStatus) => void;
};

/** What is known of a token, which is never shown itself. */
export type TokenStatus = {
  from: "init" | "keystone";
  /** Milliseconds since 1970; `null` where nobody said: `init` is given a token alone. */
  expiresAt: number | null;
  /** Whether Keystone is asked for another when it is refused. */
  renewable: boolean;
};

export type ConfiguredStore = Store & {
  /** The token that this process uses; `null` where there is none, or none yet. */
  token(): TokenStatus | null;
};

/** A driver is loaded when it is first needed: its client costs waking time that most calls need not pay. */
export function openConfiguredStore(options: ConfiguredOptions): ConfiguredStore {
  const { documents, embedded } = options;
  const opened: Store[] = [];
  let current: { version: number; store: Promise<Store> } | undefined;
  let token: TokenStatus | null = null;

  const find = async (): Promise<Store> => {
    const document = await documents.get(CONFIGURATION_DOCUMENT);
    if (document === null) return embedded;
    if (current?.version !== document.version) {
      const { version } = document;
      const onToken = (one: TokenStatus): void => void (current?.version === version && (token = one));
      const store = openStoreOf(document.value as Configuration, { ...options, onToken });
      [current, token] = [{ version, store }, null];
      // An earlier one may still be at work, so all of them close at the end.
      store.then((one) => one !== embedded && opened.push(one)).catch(() => (current = undefined));
    }
    return current.store;
  };

  return {
    ...lazyStore(find),
    token: () => token,
    close() {
      for (const store of [...opened, embedded]) store.close();
    },
  };
}

/** Opens the store that a configuration names; the embedded one is the caller's to close. */
export async function openStoreOf(
  configuration: Configuration,
  { documents, embedded, keystone, onCollision, onToken = () => {} }: ConfiguredOptions,
): Promise<Store> {
  const turns = { documents, onCollision };
  if (configuration["used-client"] === "s3") {
    const { openS3Store } = await import("./s3.ts");
    return openS3Store({
      endpoint: configuration.endpoint as string,
      region: configuration.region as string,
      accessKeyId: configuration["access-key-id"] as string,
      secretAccessKey: configuration["secret-access-key"] as string,
      turns,
    });
  }
  if (configuration["used-client"] === "swift") {
    const { openSwiftStore } = await import("./swift.ts");
    return openSwiftStore({ access: await swiftAccess(configuration, keystone, onToken), turns });
  }
  return embedded;
}

async function swiftAccess(
  configuration: Configuration,
  keystone: KeystoneConfig,
  onToken: (token: TokenStatus) => void,
): Promise<SwiftOptions["access"]> {
  const { "pre-auth-url": url, "pre-auth-token": token, "project-name": project } = configuration;
  if (missingFrom(keystone).length > 0 || project === "none") {
    return async () => {
      onToken({ from: "init", expiresAt: null, renewable: false });
      return { url, token };
    };
  }
  const { keystoneAccess } = await import("./keystone.ts");
  const ask = keystoneAccess({
    config: keystone,
    userDomain: configuration["user-domain-name"],
    projectDomain: configuration["project-domain-name"],
    project,
    ...(url !== "none" && { storageUrl: url }),
    ...(token !== "none" && { token }),
  });
  return async (refused) => {
    const access = await ask(refused);
    const from = access.token === token ? "init" : "keystone";
    onToken({ from, expiresAt: access.expiresAt ?? null, renewable: true });
    return access;
  };
}
