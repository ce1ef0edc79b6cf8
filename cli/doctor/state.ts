/** Whether the state can be opened and written: SQLite in the home, or Redis. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import type { BaseConfig } from "#shared/config.ts";
import { CONFIGURATION_DOCUMENT } from "#shared/configuration.ts";
import type { Configuration } from "#shared/configuration.ts";
import { messageOf } from "#shared/errors.ts";
import { probeRedis } from "#shared/state/redis-probe.ts";
import { openRedisState } from "#shared/state/redis.ts";
import { MIGRATIONS } from "#shared/state/sqlite-schema.ts";
import { openSqliteState } from "#shared/state/sqlite.ts";

import { failed, ok } from "./check.ts";
import type { Finding } from "./check.ts";
import { withScratch } from "./home.ts";

export type StateFound = {
  finding: Finding;
  /** What `setup/config/init` stored, `null` where it stored nothing; without it, it could not be read. */
  configuration?: Configuration | null;
};

export const checkState = (config: BaseConfig, home: string): Promise<StateFound> =>
  config.REDIS_ENDPOINT === "" ? checkSqlite(home) : checkRedis(config);

async function checkSqlite(home: string): Promise<StateFound> {
  const file = join(home, "state.sqlite");
  try {
    await withScratch(home, async (folder) => {
      const { documents, close } = openSqliteState({ folder });
      await documents.put("probe", true).finally(close);
    });
    if (!existsSync(file))
      return { finding: ok("SQLite can be written; the first start makes the state"), configuration: null };
    return readSqlite(file);
  } catch (error) {
    const why = [messageOf(error), messageOf((error as Error).cause ?? "")].filter((text) => text !== "").join(": ");
    return {
      finding: failed(
        "the state cannot be used",
        why,
        `ls -l ${home}   (all of it has to be yours), then lossi doctor`,
      ),
    };
  }
}

/** Reads, and upgrades nothing: a lossi may be at work on it. */
function readSqlite(file: string): StateFound {
  // Opened for reading alone, it would leave files of its log behind.
  const db = new DatabaseSync(file, { timeout: 5000 });
  try {
    db.exec("PRAGMA query_only = ON");
    const version = Number(db.prepare("PRAGMA user_version").get()?.["user_version"]);
    if (version > MIGRATIONS.length)
      return {
        finding: failed(
          "the state was written by a newer lossi",
          `${file} has schema ${version}, this lossi knows ${MIGRATIONS.length}`,
          "git pull && npm start   (or LOSSI_HOME=~/other npm start)",
        ),
      };
    const whole = db.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
    if (whole !== "ok")
      return {
        finding: failed(
          "the state is damaged",
          `${file}: ${String(whole)}`,
          `sqlite3 ${file} .recover | sqlite3 recovered.sqlite`,
        ),
      };
    const row =
      version === 0 ? undefined : db.prepare("SELECT value FROM documents WHERE key = ?").get(CONFIGURATION_DOCUMENT);
    const configuration = row === undefined ? null : (JSON.parse(String(row["value"])) as Configuration);
    return { finding: ok("SQLite can be read and written"), configuration };
  } finally {
    db.close();
  }
}

async function checkRedis(config: BaseConfig): Promise<StateFound> {
  const { REDIS_ENDPOINT: host, REDIS_PORT: port } = config;
  try {
    const { undurable, state } = await probeRedis(config);
    const found = state === "older" ? {} : { configuration: state === "none" ? null : await configurationIn(config) };
    if (undurable.length === 0) return { finding: ok(`Redis at ${host}:${port} can be written`), ...found };
    const finding = failed(
      `Redis at ${host}:${port} may lose what lossi accepted`,
      `it should have ${undurable.join(", ")}`,
      `${undurable.map((setting) => `${cli(config)} CONFIG SET ${setting}`).join("\n")}\n(and the same in its redis.conf)`,
    );
    return { finding, ...found };
  } catch (error) {
    const why = messageOf(error);
    return {
      finding: failed(`Redis at ${host}:${port} cannot be used`, why, remedy(why, config)),
    };
  }
}

/** Nothing is written by it, as a lossi has been there. */
async function configurationIn(config: BaseConfig): Promise<Configuration | null> {
  const { documents, close } = openRedisState({ config, warn: () => {} });
  try {
    return ((await documents.get(CONFIGURATION_DOCUMENT))?.value ?? null) as Configuration | null;
  } finally {
    await close();
  }
}

const cli = ({ REDIS_ENDPOINT: host, REDIS_PORT: port, REDIS_TLS: tls }: BaseConfig): string =>
  `redis-cli -h ${host} -p ${port}${tls ? " --tls" : ""}`;

function remedy(why: string, config: BaseConfig): string {
  if (/REDIS_PASSWORD/.test(why))
    return "export REDIS_PASSWORD=…   (and REDIS_USERNAME, where it has users), then lossi doctor";
  if (/newer lossi/.test(why)) return "git pull && npm start   (or another database: REDIS_DB=1 npm start)";
  if (/did not answer/.test(why))
    return `${cli(config)} PING   (start it, or correct REDIS_ENDPOINT and REDIS_PORT; unset REDIS_ENDPOINT keeps the state in SQLite)`;
  return `${cli(config)} INFO`;
}
