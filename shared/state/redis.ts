/** The state in Redis, for functions on several machines: documents, ledger, outbox and log lines in one database. */
import { RedisConnection } from "./redis-connection.ts";
import type { RedisConfig } from "./redis-config.ts";
import { documentScripts, redisDocuments } from "./redis-documents.ts";
import { redisLedger } from "./redis-ledger.ts";
import { lineScripts, redisLines } from "./redis-lines.ts";
import { outboxScripts, redisOutbox } from "./redis-outbox.ts";
import { ledgerScripts } from "./redis-task-scripts.ts";
import type { State } from "./state.ts";

export type RedisStateOptions = {
  config: RedisConfig;
  /** What a person should hear about the server. */
  warn: (message: string) => void;
  /** Milliseconds since 1970. Clocks of machines that share a Redis may differ by less than a lease lasts. */
  now?: () => number;
};

const scripts = { ...documentScripts, ...ledgerScripts, ...outboxScripts, ...lineScripts };

/**
 * Opens the state in Redis; it connects when it is first used. Whatever Redis refuses, and whatever has no answer in time, is
 * `unavailable`. A write is durable when it resolves if the server syncs its append-only file always: there is no weaker kind,
 * so `outlives` makes no difference.
 */
export function openRedisState({ config, warn, now = Date.now }: RedisStateOptions): State {
  const connection = new RedisConnection({ config, scripts, warn });
  const lines = redisLines(connection, now);
  return {
    documents: redisDocuments(connection, now),
    ledger: redisLedger(connection, now),
    outbox: redisOutbox(connection, now),
    lines,
    async close() {
      await lines.flush();
      await connection.close();
    },
  };
}
