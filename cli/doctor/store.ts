/** Whether the configured store lets us list the configured buckets. */
import { join, resolve } from "node:path";

import { isInCluster } from "#shared/cluster/kubernetes/config.ts";
import type { BaseConfig } from "#shared/config.ts";
import { CONFIGURATION_KEYS, S3_KEYS, forwarderBucket, submitterBucket } from "#shared/configuration.ts";
import type { Configuration } from "#shared/configuration.ts";
import { codeOf, messageOf } from "#shared/errors.ts";
import { openSqliteState } from "#shared/state/sqlite.ts";
import { openStoreOf } from "#shared/store/configured.ts";
import { openEmbeddedStore } from "#shared/store/embedded.ts";
import { listKeys } from "#shared/store/files-list.ts";

import { many } from "../words.ts";
import { failed, ok } from "./check.ts";
import type { Finding } from "./check.ts";
import { withScratch } from "./home.ts";

export function checkStore(
  configuration: Configuration | null,
  config: BaseConfig,
  home: string,
  url: string,
): Promise<Finding> | Finding {
  if (configuration === null)
    return ok("no configuration yet: POST /setup/config/init brings one, and until then objects are files");
  const buckets = [...new Set([forwarderBucket(configuration), submitterBucket(configuration, configuration.user)])];
  // Listing takes no turns, so where they would be written is of no matter.
  return withScratch(home, async (folder) => {
    const { documents, close } = openSqliteState({ folder });
    const turns = { documents, onCollision: () => {} };
    const embedded = openEmbeddedStore({ ...config, LOSSI_HOME: resolve(home) }, turns);
    try {
      const store = await openStoreOf(configuration, { ...turns, embedded, keystone: config });
      try {
        for (const bucket of buckets) await store.list(bucket, { limit: 1, onUnreadable: () => {} });
      } finally {
        store.close();
      }
      const isFiles = configuration["used-client"] === "none" && !isInCluster(config);
      const hidden = isFiles ? buckets.flatMap((bucket) => hiddenIn(join(resolve(home), "store", bucket))) : [];
      if (hidden[0] !== undefined)
        return failed(
          `the files store has ${many(hidden.length, "folder")} that lossi cannot read`,
          hidden[0].message,
          `ls -ld ${hidden[0].path}   (its owner can let you in)`,
        );
      return ok(`${nameOf(configuration)} lists ${buckets.join(" and ")}`);
    } catch (error) {
      return diagnosed(error, configuration, url);
    } finally {
      close();
    }
  });
}

/** Why folders of an embedded bucket cannot be read: it is listed whole, but not one file is opened. */
function hiddenIn(bucket: string): NodeJS.ErrnoException[] {
  const reasons: NodeJS.ErrnoException[] = [];
  const keys = listKeys(bucket, "", "", (_prefix, error) => void reasons.push(error as NodeJS.ErrnoException));
  while (keys.next().done !== true);
  return reasons;
}

const addressOf = ({ "used-client": client, endpoint, "pre-auth-url": url }: Configuration): string =>
  client === "s3" ? (endpoint ?? "") : client === "swift" ? url : "";

const nameOf = (configuration: Configuration): string => {
  const { "used-client": client } = configuration;
  return client === "none" ? "the files store" : `${client === "s3" ? "S3" : "Swift"} at ${addressOf(configuration)}`;
};

function diagnosed(error: unknown, configuration: Configuration, url: string): Finding {
  const [name, why] = [nameOf(configuration), messageOf(error)];
  const again = initCall(configuration, url);
  switch (codeOf(error)) {
    case "credentials":
      return /Keystone/.test(why)
        ? failed(`${name}: Keystone gives no token`, why, "export OS_USERNAME=… OS_PASSWORD=…   (then npm start again)")
        : failed(
            `${name} refuses the stored credentials`,
            why,
            `send fresh ones with POST /setup/config/init:\n${again}`,
          );
    case "forbidden":
      return failed(
        `${name} does not let lossi see its buckets`,
        why,
        `send others with POST /setup/config/init:\n${again}`,
      );
    case "not_found":
      return failed(`${name} lacks a bucket`, why, `POST /setup/config/init makes it:\n${again}`);
    case "unavailable":
      return failed(
        `${name} cannot be used`,
        why,
        addressOf(configuration) === ""
          ? "lossi doctor   (and look at its other lines)"
          : `curl -i ${addressOf(configuration)}`,
      );
    default:
      return failed(`${name} cannot be used`, why, `correct it with POST /setup/config/init:\n${again}`);
  }
}

/** Never shown: whoever sends them again has them. */
const SECRETS = new Set<string>(["pre-auth-token", "access-key-id", "secret-access-key"]);

/** A call with everything but the secrets filled in. */
function initCall(configuration: Configuration, url: string): string {
  const body = [...CONFIGURATION_KEYS, ...S3_KEYS].flatMap((key) => {
    const value = configuration[key];
    if (value === undefined) return [];
    return [[key, SECRETS.has(key) && value !== "none" ? `<${key}>` : value]];
  });
  const json = JSON.stringify(Object.fromEntries(body)).replaceAll("'", String.raw`'\''`);
  return `curl -X POST ${url}/setup/config/init -H 'content-type: application/json' -d '${json}'`;
}
