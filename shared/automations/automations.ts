/** What users asked to happen when an object appears, as documents: `automation` acts on them, the monitor shows them. */
import type * as z from "zod";

import { LossiError } from "../errors.ts";
import { isTheirs } from "../http/access.ts";
import type { Caller } from "../http/access.ts";
import { documentsUnder } from "../state/pages.ts";
import type { Documents, Ledger } from "../state/state.ts";
import type { automation, described } from "./described.ts";
import type { Appeared } from "./rule.ts";

/** As `GET /automation` lists it. */
export type Automation = z.infer<typeof automation>;
/** With its last runs, newest first. */
export type Described = z.infer<typeof described>;
export type Stored = Omit<Automation, "name">;
/** What an automation did about one state of an object; `task` is `null` where it sent an event. */
export type Run = Appeared & { at: number; task: string | null; reason: string | null };

export const RULES = "automation/";
export const RUNS = "automation-run/";
/** Objects that appeared while their automation was stopped. */
export const WAITING = "automation-waiting/";
const SHOWN = 20;

type Reading = { documents: Documents; ledger: Ledger };

/** An automation and its last runs, newest first. Throws `not_found`. */
export async function describeAutomation(name: string, caller: Caller | null, deps: Reading): Promise<Described> {
  const rule = await findAutomation(name, caller, deps.documents);
  let last: Run[] = [];
  for await (const { value } of documentsUnder(deps.documents, `${RUNS}${name}/`))
    last = [...last, value as Run].toSorted((a, b) => b.at - a.at).slice(0, SHOWN);
  let waiting = 0;
  for await (const _ of documentsUnder(deps.documents, `${WAITING}${name}/`)) waiting += 1;
  return { name, ...rule, waiting, runs: await Promise.all(last.map((run) => outcomeOf(run, deps.ledger))) };
}

/** Every automation of the caller, by name. */
export async function listAutomations(caller: Caller | null, documents: Documents): Promise<Automation[]> {
  const theirs: Automation[] = [];
  for await (const { key, value } of documentsUnder(documents, RULES))
    if (isTheirs(caller, (value as Stored).owner)) theirs.push({ name: key.slice(RULES.length), ...(value as Stored) });
  return theirs;
}

/** An automation of the caller. Throws `not_found`. */
export async function findAutomation(name: string, caller: Caller | null, documents: Documents): Promise<Stored> {
  const document = await documents.get(RULES + name);
  if (document === null || !isTheirs(caller, (document.value as Stored).owner)) throw unknownAutomation(name);
  return document.value as Stored;
}

export const unknownAutomation = (name: string): LossiError =>
  new LossiError("not_found", `there is no automation ${name}; GET /automation lists them`);

async function outcomeOf({ at, task, ...run }: Run, ledger: Ledger): Promise<Described["runs"][number]> {
  const status = task === null ? null : ((await ledger.get(task))?.status ?? null);
  return { at: new Date(at).toISOString(), ...run, task, status };
}
