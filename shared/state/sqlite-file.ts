/** A SQLite file as the embedded state uses it: how it is opened, and its prepared statements. */
import { chmodSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { SQLInputValue, StatementSync } from "node:sqlite";

import { LossiError } from "../errors.ts";
import type { Writer } from "./writer.ts";

/** How long opening and reading wait for another process. */
const TIMEOUT_MS = 10_000;

/** Opens a file in WAL mode; `synchronous` FULL survives a power cut, NORMAL and OFF a killed process. */
export function open(file: string, synchronous: "FULL" | "NORMAL" | "OFF"): DatabaseSync {
  try {
    const db = new DatabaseSync(file, { timeout: TIMEOUT_MS });
    chmodSync(file, 0o600);
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}`);
    return db;
  } catch (cause) {
    throw new LossiError("unavailable", `${file} cannot be opened`, { cause });
  }
}

export type Row = Record<string, string | number | null>;

/** Prepared statements by their text. */
export class Statements {
  #db: DatabaseSync;
  #prepared = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  get(text: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#prepare(text).get(...values) as Row | undefined;
  }

  all(text: string, ...values: SQLInputValue[]): Row[] {
    return this.#prepare(text).all(...values) as Row[];
  }

  /** Row by row, so that whoever has enough can stop. */
  each(text: string, ...values: SQLInputValue[]): Iterable<Row> {
    return this.#prepare(text).iterate(...values) as Iterable<Row>;
  }

  /** How many rows changed. */
  run(text: string, ...values: SQLInputValue[]): number {
    return Number(this.#prepare(text).run(...values).changes);
  }

  #prepare(text: string): StatementSync {
    let statement = this.#prepared.get(text);
    if (statement === undefined) {
      statement = this.#db.prepare(text);
      this.#prepared.set(text, statement);
    }
    return statement;
  }
}

/** What the parts share. */
export type Context = { sql: Statements; writer: Writer; now: () => number };
