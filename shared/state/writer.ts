import type { DatabaseSync } from "node:sqlite";

import { LossiError, messageOf } from "../errors.ts";

/** How long a write waits for another process to finish its own. */
const BUSY_LIMIT_MS = 10_000;
const BUSY = 5;

/** How long a write that can wait is left for others to come along with. */
const LAZY_MS = 20;

/**
 * What a write has to outlive before it resolves: `power` the machine, `process` this process only. `later` resolves like
 * `process`, and may wait a little for others: what is lost with it is done once more.
 */
export type Outlives = "power" | "process" | "later";

type Operation = {
  run: () => unknown;
  outlives: Outlives;
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
};
type Outcome = { ok: true; value: unknown } | { ok: false; error: unknown };

/**
 * Commits together what is written in one turn of the event loop: one fsync serves them all, where one is needed at all.
 * Each write stands or falls alone. While another process writes, the event loop goes on and the group grows.
 */
export class Writer {
  #db: DatabaseSync;
  #queue: Operation[] = [];
  #immediate: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #synced = true;
  #busySince: number | null = null;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Runs `operation` inside a transaction. Throws what it throws, or `unavailable` when nothing could be written. */
  write<T>(operation: () => T, outlives: Outlives = "power"): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ run: operation, outlives, resolve, reject });
      this.#schedule(outlives === "later" ? LAZY_MS : 0);
    });
  }

  /** Writes at once what still waits; for the end of a process. */
  flush(): void {
    if (this.#queue.length > 0) this.#commit();
  }

  #schedule(delayMs: number): void {
    if (delayMs > 0) this.#timer ??= setTimeout(() => this.#commit(), delayMs);
    // While another process writes, whoever comes waits with the others.
    else if (this.#busySince === null) this.#immediate ??= setImmediate(() => this.#commit());
  }

  #commit(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#timer = undefined;
    this.#immediate = undefined;
    const operations = this.#queue;
    if (operations.length === 0) return;
    try {
      this.#sync(operations.some(({ outlives }) => outlives === "power"));
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

  /** In WAL mode a commit under NORMAL is not synced: it outlives the process, not the machine. */
  #sync(full: boolean): void {
    if (full === this.#synced) return;
    this.#db.exec(`PRAGMA synchronous = ${full ? "FULL" : "NORMAL"}`);
    this.#synced = full;
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
    if (busy) {
      this.#timer = setTimeout(() => this.#commit(), 1);
      return;
    }
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
