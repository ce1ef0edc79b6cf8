/** One connection to Redis, made when it is first needed and made again at the next call after it was lost. */
import { readFileSync } from "node:fs";

import type { Redis } from "ioredis";

import { LossiError, messageOf } from "../errors.ts";
import { undurable } from "./redis-durability.ts";
import type { RedisConfig } from "./redis-config.ts";

/** A Lua script; it runs alone and whole, or not at all. */
export type Script = {
  lua: string;
  /**
   * `write` is refused before its first command when memory is full; `free` only gives memory back or moves what is there,
   * so it runs also then; `read` runs whenever Redis answers.
   */
  kind: "write" | "free" | "read";
};

export type Scripts = Record<string, Script>;

export type ConnectionOptions = {
  config: RedisConfig;
  scripts: Scripts;
  /** What a person should hear about the server. */
  warn: (message: string) => void;
};

/** Everything is below this; `schema` holds the version of its layout. */
export const PREFIX = "lossi:";
const SCHEMA = 2;

/** How long a connection may take, and an answer. */
const CONNECT_MS = 3000;
const ANSWER_MS = 10_000;

const FLAGS = { write: "#!lua", free: "#!lua flags=allow-oom", read: "#!lua flags=no-writes" };

type Commands = Record<string, (prefix: string, ...args: (string | number)[]) => Promise<unknown>>;

export class RedisConnection {
  #options: ConnectionOptions;
  #connecting: Promise<Redis> | undefined;
  #live: Redis | undefined;
  #checked = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** Runs a script, once: what became of one whose connection broke is not known. Throws `unavailable`. */
  async run(name: string, ...args: (string | number)[]): Promise<unknown> {
    try {
      // A connection that stands is written to before this returns, so a line that is logged is on its way at once.
      const redis = this.#live ?? (await this.#connect());
      return await (redis as unknown as Commands)[name]?.(PREFIX, ...args);
    } catch (error) {
      throw this.#unavailable(error);
    }
  }

  async close(): Promise<void> {
    const redis = await this.#connecting?.catch(() => undefined);
    redis?.disconnect();
  }

  #connect(): Promise<Redis> {
    this.#connecting ??= this.#open();
    return this.#connecting;
  }

  async #open(): Promise<Redis> {
    let failure: Error | undefined;
    let redis: Redis | undefined;
    try {
      redis = await this.#client();
      redis.on("error", (error) => (failure = error));
      redis.once("end", () => this.#forget());
      await redis.connect();
      await this.#prepare(redis);
      this.#live = redis;
      void this.#check(redis);
      return redis;
    } catch (error) {
      redis?.disconnect();
      this.#forget();
      throw failure ?? error;
    }
  }

  #forget(): void {
    this.#live = undefined;
    this.#connecting = undefined;
  }

  async #client(): Promise<Redis> {
    const { Redis } = await import("./ioredis.ts");
    const { config, scripts } = this.#options;
    const own = Object.entries(scripts).map(([name, { kind, lua }]) => [
      name,
      // Whoever watches the server sees which one runs.
      { lua: `${FLAGS[kind]}\n-- ${name}\n${lua}`, numberOfKeys: 1 },
    ]);
    return new Redis({
      ...redisOptions(config),
      scripts: Object.fromEntries(own) as Record<string, { lua: string; numberOfKeys: number }>,
    });
  }

  async #prepare(redis: Redis): Promise<void> {
    // The client goes on with database 0 when it is refused the one it shall take.
    if (this.#options.config.REDIS_DB !== 0) await redis.select(this.#options.config.REDIS_DB);
    const key = `${PREFIX}schema`;
    let schema = Number(await redis.get(key));
    // Only the very first process writes it, so that a full memory does not keep others from reading.
    if (schema === 0) schema = Number((await redis.set(key, SCHEMA, "NX", "GET")) ?? SCHEMA);
    if (ageOf(schema) === "older") await this.#upgrade(redis);
  }

  /** Also when several do it at once, and with tasks in flight. */
  async #upgrade(redis: Redis): Promise<void> {
    const commands = redis as unknown as Commands;
    for (let place: unknown = "0"; typeof place === "string";)
      place = await commands["taskUpgrade"]?.(PREFIX, Date.now(), place);
  }

  /** Once a process, and nobody waits for it. */
  async #check(redis: Redis): Promise<void> {
    if (this.#checked) return;
    this.#checked = true;
    const { warn, config } = this.#options;
    const settings = await undurable(redis);
    if (settings.length > 0)
      warn(`Redis at ${config.REDIS_ENDPOINT} may lose what it accepted: set ${settings.join(", ")}`);
  }

  #unavailable(cause: unknown): LossiError {
    return unavailable(this.#options.config, cause);
  }
}

/** How its server is connected to. */
export const redisOptions = (config: RedisConfig) => ({
  host: config.REDIS_ENDPOINT,
  port: config.REDIS_PORT,
  db: config.REDIS_DB,
  ...(config.REDIS_USERNAME !== "" && { username: config.REDIS_USERNAME }),
  ...(config.REDIS_PASSWORD !== "" && { password: config.REDIS_PASSWORD }),
  ...(config.REDIS_TLS && { tls: tlsOf(config) }),
  lazyConnect: true,
  connectTimeout: CONNECT_MS,
  commandTimeout: ANSWER_MS,
  socketTimeout: ANSWER_MS,
  // Nothing waits for a server that is away, and nothing is sent twice.
  retryStrategy: () => null,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  // One that still reads its log says so in its answer to the first command.
  enableReadyCheck: false,
  disableClientInfo: true,
});

/** How the layout of what is there compares with ours. Throws `unavailable` where this lossi is too old for it. */
export function ageOf(schema: number): "same" | "older" {
  if (schema > SCHEMA) {
    const message = `the state has schema ${schema}, this lossi knows ${SCHEMA}; run a newer lossi`;
    throw new LossiError("unavailable", message);
  }
  return schema === SCHEMA ? "same" : "older";
}

/** What went wrong with its server, in words. */
export function unavailable({ REDIS_ENDPOINT: host, REDIS_PORT: port }: RedisConfig, cause: unknown): LossiError {
  if (cause instanceof LossiError) return cause;
  return new LossiError("unavailable", `Redis at ${host}:${port} ${explain(messageOf(cause))}`, { cause });
}

/** What Redis means by the first word of an error. */
const MEANINGS: [RegExp, string][] = [
  [/\bOOM\b/, "has its memory full (maxmemory); nothing was written"],
  [/\bLOADING\b/, "is still loading what it has on disk; try again"],
  [/\bREADONLY\b/, "is a replica, which takes no writes"],
  [/\bMISCONF\b/, "cannot write to its disk, and takes no writes until it can"],
  [/\bBUSY\b/, "is busy; try again"],
  [/\b(WRONGPASS|NOAUTH)\b/, "wants another user or password (REDIS_USERNAME, REDIS_PASSWORD)"],
  [/\bNOPERM\b/, "does not let this user do what lossi needs"],
];

function explain(message: string): string {
  const meaning = MEANINGS.find(([pattern]) => pattern.test(message))?.[1];
  return meaning === undefined ? `did not answer: ${message}` : meaning;
}

const tlsOf = ({ REDIS_CA_FILE: file, REDIS_ENDPOINT: host }: RedisConfig) => ({
  servername: host,
  ...(file !== "" && { ca: readFileSync(file) }),
});
