import type { DatabaseSync } from "node:sqlite";

import { LossiError, messageOf } from "../errors.ts";

/** How long a write waits for another process to finish its own. */
const BUSY_LIMIT_MS = 10_000;
const BUSY = 5;

type Operation = { run: () => unknown; resolve: (value: never) => void; reject: (error: unknown) => void };
type Outcome = { ok: true; value: unknown } | { ok: false; error: unknown };

/**
 * Commits together what is written in one turn of the event loop: one fsync serves them all. Each write stands or falls
 * alone, and resolves only when it is durable. While another process writes, the event loop goes on and the group grows.
 */
export class Writer {
  #db: DatabaseSync;
  #queue: Operation[] = [];
  #scheduled = false;
  #busySince: number | null = null;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Runs `operation` inside a transaction. Throws what it throws, or `unavailable` when nothing could be written. */
  write<T>(operation: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ run: operation, resolve, reject });
      this.#schedule(0);
    });
  }

  /** Writes at once what still waits; for the end of a process. */
  flush(): void {
    if (this.#queue.length > 0) this.#commit();
  }

  #schedule(delayMs: number): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const run = (): void => {
      this.#scheduled = false;
      this.#commit();
    };
    if (delayMs === 0) setImmediate(run);
    else setTimeout(run, delayMs);
  }

  #commit(): void {
    const operations = this.#queue;
    if (operations.length === 0) return;
    try {
      this.#db.exec("BEGIN IMMEDIATE");
    } catch (error) {
      return this.#waitOrFail(error);
    }
    this.#busySince = null;
    this.#queue = [];
    try {
      const outcomes = operations.map(({ run }) => this.#runOne(run));
      this.#db.exec("COMMIT");
      operations.forEach((operation, index) => settle(operation, outcomes[index] as Outcome));
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      for (const { reject } of operations) reject(unwritable(error));
    }
  }

  #runOne(run: () => unknown): Outcome {
    this.#db.exec("SAVEPOINT one");
    try {
      const value = run();
      this.#db.exec("RELEASE one");
      return { ok: true, value };
    } catch (error) {
      this.#db.exec("ROLLBACK TO one");
      this.#db.exec("RELEASE one");
      return { ok: false, error: error instanceof LossiError ? error : unwritable(error) };
    }
  }

  #waitOrFail(error: unknown): void {
    this.#busySince ??= Date.now();
    const busy = isBusy(error) && Date.now() - this.#busySince < BUSY_LIMIT_MS;
    if (busy) return this.#schedule(1);
    this.#busySince = null;
    for (const { reject } of this.#queue.splice(0)) reject(unwritable(error));
  }
}

const isBusy = (error: unknown): boolean =>
  error instanceof Error && "errcode" in error && (Number(error.errcode) & 0xff) === BUSY;

function settle({ resolve, reject }: Operation, outcome: Outcome): void {
  if (outcome.ok) resolve(outcome.value as never);
  else reject(outcome.error);
}

const unwritable = (cause: unknown): LossiError =>
  new LossiError("unavailable", `the ledger could not be written: ${messageOf(cause)}`, { cause });
