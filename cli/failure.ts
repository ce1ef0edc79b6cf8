/** What a command ends with when it cannot do its work: what happened, why, and what to type next. */

/** Exit codes, those above 63 as `sysexits.h` has them. */
export const EXIT = {
  done: 0,
  broken: 1,
  usage: 64,
  unreachable: 69,
  notAllowed: 77,
  interrupted: 130,
  terminated: 143,
} as const;

export type Parts = { what: string; why: string; next: string };

export class Failure extends Error {
  readonly parts: Parts;
  readonly exit: number;
  /** Of the answer that it is about; 0 where there was none. */
  readonly status: number;

  constructor(exit: number, parts: Parts, status = 0) {
    super(parts.what);
    this.exit = exit;
    this.parts = parts;
    this.status = status;
  }
}

export const usage = (what: string, why: string, command = ""): Failure =>
  new Failure(EXIT.usage, { what, why, next: ["lossi", command, "--help"].filter((word) => word !== "").join(" ") });
