import { createHash } from "node:crypto";

import {
  RULES,
  RUNS,
  WAITING,
  describeAutomation,
  findAutomation,
  unknownAutomation,
} from "#shared/automations/automations.ts";
import type { Described, Run, Stored } from "#shared/automations/automations.ts";
import { actionOf, matches } from "#shared/automations/rule.ts";
import type { Appeared, Rule } from "#shared/automations/rule.ts";
import { requireConfiguration, submitterBucket } from "#shared/configuration.ts";
import type { Configuration } from "#shared/configuration.ts";
import { LossiError, codeOf, isFinal, messageOf } from "#shared/errors.ts";
import { isTheirs } from "#shared/http/access.ts";
import type { Caller } from "#shared/http/access.ts";
import type { Subscribe } from "#shared/objects/notifications.ts";
import { TASK_METADATA } from "#shared/objects/place.ts";
import { watchBucket } from "#shared/objects/watched.ts";
import type { Place } from "#shared/objects/watched.ts";
import { documentsUnder } from "#shared/state/pages.ts";
import type { Documents, Json, Ledger } from "#shared/state/state.ts";
import type { Store } from "#shared/store/store.ts";
import { accept, announcement } from "#shared/tasks/accept.ts";
import type { AcceptDeps } from "#shared/tasks/accept.ts";

export type Deps = AcceptDeps & {
  documents: Documents;
  ledger: Ledger;
  store: Store;
  subscribe: Subscribe;
  now: () => number;
};

const KEEP_MS = 7 * 24 * 60 * 60 * 1000;
const HOUR_MS = 60 * 60 * 1000;

/** Stores an automation and watches its bucket; what waited while it was stopped begins. Throws `invalid`, `forbidden`. */
export async function put(name: string, rule: Rule, caller: Caller | null, deps: Deps): Promise<Described> {
  const configuration = await requireConfiguration(deps.documents);
  const { bucket } = rule.watch;
  const before = await deps.documents.get(RULES + name);
  if (before !== null && !isTheirs(caller, (before.value as Stored).owner))
    throw new LossiError("forbidden", `somebody else has an automation ${name}; take another name`);
  const owner = caller === null || caller.admin ? null : caller.name;
  if (owner !== null && bucket !== submitterBucket(configuration, owner))
    throw new LossiError("forbidden", `body: watch: bucket: yours is ${submitterBucket(configuration, owner)}`);
  await watch(bucket, configuration, deps);
  await deps.documents.put(RULES + name, { ...rule, stopped: null, owner } as Json);
  await deps.documents.delete(COUNTS + name);
  if (rule.enabled) await runWaiting(name, deps);
  return describeAutomation(name, caller, deps);
}

async function watch(bucket: string, configuration: Configuration, deps: Deps): Promise<void> {
  try {
    await watchBucket(bucket, configuration, deps);
  } catch (error) {
    if (codeOf(error) === "not_found" || codeOf(error) === "invalid")
      throw new LossiError("invalid", `body: watch: bucket: there is no bucket ${bucket.slice(0, 63)}`);
    throw error;
  }
  await deps.subscribe(configuration, [bucket]);
}

/** Forgets an automation; tasks that it began go on. Throws `not_found`. */
export async function remove(name: string, caller: Caller | null, { documents }: Deps): Promise<void> {
  await findAutomation(name, caller, documents);
  if (!(await documents.delete(RULES + name))) throw unknownAutomation(name);
  for await (const { key } of documentsUnder(documents, `${WAITING}${name}/`)) await documents.delete(key);
}

/** Begins what users asked for when such an object appears. `event` names the state: the same one begins nothing twice. */
export async function onObject(object: Appeared, event: string, deps: Deps): Promise<void> {
  for await (const { key, value } of documentsUnder(deps.documents, RULES)) {
    const rule = value as Stored;
    const name = key.slice(RULES.length);
    if (rule.enabled && matches(rule, object)) await begin(name, rule, object, idOf(name, event), deps);
  }
}

/** Whether the run has begun; else it waits. */
async function begin(name: string, rule: Stored, object: Appeared, id: string, deps: Deps): Promise<boolean> {
  const place = `${RUNS}${name}/${id}`;
  if ((await deps.documents.get(place)) !== null) return true;
  const stopped = rule.stopped ?? (await whyStop(name, rule, object, deps));
  if (stopped !== null) {
    await deps.documents.put(`${WAITING}${name}/${id}`, object, { ttlMs: KEEP_MS });
    if (rule.stopped === null) await stop(name, stopped, deps);
    return false;
  }
  const run = await act(rule, object, id, deps);
  const { announcements, ...value } = run;
  await deps.documents.put(place, value, { ifVersion: 0, ttlMs: KEEP_MS, announcements });
  deps.announcer.announce(announcements);
  return true;
}

/** A task has the run's id and an event too, so that both happen once although this may run twice. */
async function act(rule: Stored, object: Appeared, id: string, deps: Deps) {
  const run: Run = { ...object, at: deps.now(), task: null, reason: null };
  try {
    const action = actionOf(rule, object, ownerOf(rule));
    if ("work" in action) return { ...run, task: await accept(action.work, deps, { id }), announcements: [] };
    const { type, data } = action.event;
    const event = { type, source: deps.source, subject: encodeURI(object.key), data };
    return { ...run, announcements: [announcement({ ...event, id })] };
  } catch (error) {
    if (!isFinal(error)) throw error;
    return { ...run, reason: messageOf(error), announcements: [] };
  }
}

const COUNTS = "automation-count/";
type Count = { from: number; runs: number };
/** A job of an automation whose object starts it again, this often, is a loop. */
const LONGEST_CHAIN = 3;

/** Why an automation has to stop, or `null`. Counts the run. */
async function whyStop(name: string, rule: Rule, object: Appeared, deps: Deps): Promise<string | null> {
  if ((await chainOf(name, object, deps)) >= LONGEST_CHAIN)
    return `it starts itself: ${object.key} was written by a task that ${name} began; let it watch another prefix`;
  const most = rule["runs-per-hour"];
  for (;;) {
    const document = await deps.documents.get(COUNTS + name);
    const before = document?.value as Count | undefined;
    const isNew = before === undefined || deps.now() - before.from > HOUR_MS;
    const count = isNew ? { from: deps.now(), runs: 1 } : { ...before, runs: before.runs + 1 };
    if (count.runs > most)
      return `it began ${most} runs within an hour, as in a loop; if they are meant, put it again with a larger runs-per-hour`;
    const written = await deps.documents.put(COUNTS + name, count, { ifVersion: document?.version ?? 0 });
    if (written !== null) return null;
  }
}

/** How many runs of this automation led to each other before this object: tasks name themselves in what they write. */
async function chainOf(name: string, object: Place, deps: Deps): Promise<number> {
  const { metadata } = (await deps.store.head(object.bucket, object.key)) ?? { metadata: {} };
  const task = (metadata as Record<string, string | undefined>)[TASK_METADATA];
  const run = task === undefined ? null : await deps.documents.get(`${RUNS}${name}/${task}`);
  return run === null ? 0 : 1 + (await chainOf(name, run.value as Run, deps));
}

async function stop(name: string, stopped: string, deps: Deps): Promise<void> {
  const document = await deps.documents.get(RULES + name);
  if (document === null) return;
  const value = { ...(document.value as Stored), stopped } as Json;
  await deps.documents.put(RULES + name, value, { ifVersion: document.version });
}

async function runWaiting(name: string, deps: Deps): Promise<void> {
  const prefix = `${WAITING}${name}/`;
  for await (const { key, value } of documentsUnder(deps.documents, prefix)) {
    const rule = await findAutomation(name, null, deps.documents);
    if (!(await begin(name, rule, value as Appeared, key.slice(prefix.length), deps))) return;
    await deps.documents.delete(key);
  }
}

/** In whose name an automation acts. */
const ownerOf = ({ owner = null }: Stored): Caller | null => (owner === null ? null : { name: owner, admin: false });

/** A UUID made of what it stands for. */
function idOf(name: string, event: string): string {
  const hex = createHash("sha256").update(`${name} ${event}`).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    "-",
  );
}
