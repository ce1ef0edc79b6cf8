/** All tasks, and the story of one. */
import { setImmediate } from "node:timers/promises";

import * as z from "zod";

import { FUNCTION_NAMES } from "#shared/functions.ts";
import { LossiError } from "#shared/errors.ts";
import { isTheirs } from "#shared/http/access.ts";
import { plain } from "#shared/plain.ts";
import { TASK_STATUSES, isEnded } from "#shared/state/state.ts";
import type { Json, Ledger, Task, TaskFilter } from "#shared/state/state.ts";
import { Lines } from "../lines.tsx";
import { Act, Badge, Data, Empty, Status, Table, Time, duration, excerpt } from "../parts.tsx";
import { adviceOf, linesOf, nextTryAt, storyOf } from "../story.ts";
import type { View, ViewDeps } from "../view.ts";

const PAGE = 50;
/** Tasks that fit may be few and far between: a page looks for them so long. */
const SEARCH_MS = 2000;

const FIELDS = ["status", "function", "user", "text", "since", "until", "trace"] as const;

/** What stays in the address from page to page. */
const KEPT = new Set<string>([...FIELDS, "after", "order"]);

export const tasks: View = async ({ query, caller }, deps) => {
  const filter = filterOf(query);
  const own = caller === null || caller.admin ? {} : { user: caller.name };
  const page = await search({ ...filter, ...own }, deps);
  const shown = filter.order === "oldest" ? page.tasks.toReversed() : page.tasks;
  const isPart = [...FIELDS, "after"].some((name) => query.get(name));
  return {
    title: "Tasks",
    still: page.isLong,
    body: (
      <>
        <h1>Tasks</h1>
        <Filters query={query} />
        {shown.length === 0 ? (
          page.next === null && <Nothing part={isPart} />
        ) : (
          <Table
            caption="Tasks, newest first"
            columns={["State", "Function", "What", "User", "Accepted", "Took", "Tries", "Result or reason"]}
            rows={shown.map((task) => ({ id: `task-${task.id}`, cells: rowOf(task) }))}
          />
        )}
        {page.next !== null && shown.length < PAGE && (
          <Further query={query} next={page.next} found={shown.length} at={page.lookedTo} />
        )}
        <Pages query={query} next={page.next} />
      </>
    ),
  };
};

type Found = Awaited<ReturnType<Ledger["list"]>> & {
  /** Whether one of the ledger's pages was not enough. */
  isLong: boolean;
  /** When the first task that was not looked at was accepted. */
  lookedTo: number | null;
};

/** One page, from as many of the ledger's as there is time for. */
async function search(filter: TaskFilter, { ledger, now }: Pick<ViewDeps, "ledger" | "now">): Promise<Found> {
  const until = now() + SEARCH_MS;
  let { tasks, next } = await ledger.list({ ...filter, limit: PAGE });
  const isLong = next !== null && tasks.length < PAGE;
  while (next !== null && tasks.length < PAGE && now() < until) {
    // SQLite is read at once, and others want something as well.
    await setImmediate();
    const more = await ledger.list({ ...filter, after: next, limit: PAGE - tasks.length });
    tasks = [...tasks, ...more.tasks];
    next = more.next;
  }
  if (next === null || tasks.length === PAGE) return { tasks, next, isLong, lookedTo: null };
  const { order = "newest", user } = filter;
  const following = await ledger.list({ order, after: next, limit: 1, ...(user !== undefined && { user }) });
  return { tasks, next, isLong, lookedTo: following.tasks[0]?.createdAt ?? null };
}

/** What the address asks for; nonsense counts as not said. */
function filterOf(query: URLSearchParams): TaskFilter {
  const time = (name: string): number | undefined => {
    const text = query.get(name) ?? "";
    const at = Date.parse(/T[\d:.]+$/.test(text) ? `${text}Z` : text);
    return Number.isNaN(at) ? undefined : at;
  };
  const given = {
    status: z.enum(TASK_STATUSES).safeParse(query.get("status")).data,
    function: FUNCTION_NAMES.find((name) => name === query.get("function")),
    user: query.get("user") || undefined,
    text: query.get("text") || undefined,
    trace: query.get("trace") || undefined,
    since: time("since"),
    until: time("until"),
    after: query.get("after") || undefined,
    order: query.get("order") === "oldest" ? ("oldest" as const) : undefined,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as TaskFilter;
}

function Filters({ query }: { query: URLSearchParams }) {
  const value = (name: string): string => query.get(name) ?? "";
  return (
    <form class="filters" method="get" action="/monitor/tasks" role="search" aria-label="Filter tasks">
      <Choice name="status" label="State" values={TASK_STATUSES} chosen={value("status")} />
      <Choice name="function" label="Function" values={FUNCTION_NAMES} chosen={value("function")} />
      <label>
        User <input name="user" value={value("user")} size={10} />
      </label>
      <label>
        Text <input name="text" type="search" value={value("text")} placeholder="id, reason, input, result" />
      </label>
      <label>
        From <Moment name="since" at={value("since")} />
      </label>
      <label>
        To <Moment name="until" at={value("until")} />
      </label>
      <button type="submit">Filter</button> <a href="/monitor/tasks">Clear</a>
    </form>
  );
}

/** Said and read in the reader's zone by the page's script, and in UTC without it. */
const Moment = ({ name, at }: { name: string; at: string }) => (
  <input name={name} type="datetime-local" step={1} value={at.slice(0, 19)} data-at={at} />
);

export const Choice = (props: { name: string; label: string; values: readonly string[]; chosen: string }) => (
  <label>
    {props.label}{" "}
    <select name={props.name}>
      <option value="">all</option>
      {props.values.map((value) => (
        <option value={value} selected={value === props.chosen}>
          {value}
        </option>
      ))}
    </select>
  </label>
);

function Nothing({ part }: { part: boolean }) {
  if (part) return <Empty>No task fits. Clear the filter to see all of them.</Empty>;
  return (
    <Empty>
      No task yet. Send one: <code>GET /interaction/task/run/tasks.forwarder-trigger</code>, or a job as the{" "}
      <a href="/docs">API page</a> shows.
    </Empty>
  );
}

const isBackwards = (query: URLSearchParams): boolean => query.get("order") === "oldest";

/** The same search elsewhere. */
function addressOf(query: URLSearchParams, changes: Record<string, string | null>): string {
  const all = new URLSearchParams([...query].filter(([name]) => KEPT.has(name)));
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) all.delete(name);
    else all.set(name, value);
  }
  return `/monitor/tasks?${all.toString()}`;
}

/** That the search is not over, how far it came, and how it goes on. */
const Further = (props: { query: URLSearchParams; next: string; found: number; at: number | null }) => (
  <Empty>
    {props.found === 0 ? "No task fits so far" : `${props.found} so far`}: there is more to look through,{" "}
    {props.at !== null && (
      <>
        from <Time at={props.at} /> {isBackwards(props.query) ? "on" : "back"}.{" "}
      </>
    )}
    <a href={addressOf(props.query, { after: props.next })}>Look further</a>
  </Empty>
);

function Pages({ query, next }: { query: URLSearchParams; next: string | null }) {
  const to = (changes: Record<string, string | null>): string => addressOf(query, changes);
  const back = isBackwards(query);
  const further = next === null ? null : to({ after: next });
  return (
    <nav class="pages" aria-label="Pages">
      <a href={to({ after: null, order: null })}>Newest</a>
      {back && further !== null && <a href={further}>Newer</a>}
      {!back && further !== null && <a href={further}>Older</a>}
      <a href={to({ after: null, order: "oldest" })}>Oldest</a>
    </nav>
  );
}

const rowOf = (task: Task) => [
  <Status of={task.status} />,
  task.function,
  <a href={`/monitor/tasks/${task.id}`}>{whatOf(task)}</a>,
  task.user ?? <span class="quiet">–</span>,
  <Time at={task.createdAt} />,
  task.endedAt === null ? <span class="quiet">–</span> : duration(task.endedAt - task.createdAt),
  task.attempts,
  <span class="wrap">{excerpt(task.reason ?? (task.result === null ? "" : JSON.stringify(task.result)))}</span>,
];

/** The work in a few words beside the function's name: mode and type of the request, and its key or name. */
function whatOf({ name, function: by, payload }: Task): string {
  const { mode, type, input } = (payload ?? {}) as { mode?: Json; type?: Json; input?: { key?: Json; name?: Json } };
  const said = [mode, type, input?.name ?? input?.key].filter((word) => typeof word === "string");
  const words = said.filter((word) => word !== by);
  return words.length === 0 ? name : excerpt(words.join(" "), 60);
}

export const task: View = async ({ names: [id = ""], caller }, { ledger, lines, now }) => {
  const found = /^[0-9a-f-]{36}$/.test(id) ? await ledger.get(id) : null;
  if (found === null || !isTheirs(caller, found.user))
    throw new LossiError("not_found", "no task has this id, or it was forgotten: ended tasks are kept for a time");
  const told = await linesOf(found, lines);
  return {
    title: `${found.status} ${found.function}`,
    body: (
      <>
        <h1>
          Task <code>{found.id}</code> <Status of={found.status} />
        </h1>
        <Summary task={found} now={now()} />
        <h2>What happened</h2>
        <ol class="story">
          {storyOf(found, told).map(({ at, what, detail, kind }) => (
            <li class={kind}>
              <Time at={at} /> <b>{plain(what)}</b>{" "}
              <span class="quiet">
                {at > found.createdAt && `+${duration(at - found.createdAt)} `}
                {plain(detail)}
              </span>
            </li>
          ))}
        </ol>
        <h2>Input</h2>
        <Data label="Input" value={found.payload} />
        {found.status === "SUCCESS" && (
          <>
            <h2>Result</h2>
            <Data label="Result" value={found.result} />
          </>
        )}
        <h2>Its log lines</h2>
        {told.length === 0 ? (
          <Empty>None are kept of it.</Empty>
        ) : (
          <Lines lines={told} linked={false} label="Log lines of the task" />
        )}
      </>
    ),
  };
};

function Summary({ task, now }: { task: Task; now: number }) {
  const next = nextTryAt(task);
  const path = `/tasks/${task.id}`;
  return (
    <section class={`summary ${task.status === "FAILURE" ? "bad" : ""}`} aria-label="Summary">
      <dl>
        {task.reason !== null && (
          <>
            <dt>{isEnded(task.status) ? "Why it failed" : "Why it waits"}</dt>
            <dd>{task.reason}</dd>
          </>
        )}
        <dt>Tried</dt>
        <dd>
          {task.attempts} {task.attempts === 1 ? "time" : "times"}
        </dd>
        <dt>Tried again</dt>
        <dd>{next === null ? again(task) : <Next at={next} now={now} />}</dd>
        <dt>What to do</dt>
        <dd>{adviceOf(task)}</dd>
        <dt>Function</dt>
        <dd>
          <a href={`/monitor/logs?function=${task.function}`}>{task.function}</a> <Badge kind="calm">{task.name}</Badge>
        </dd>
        {task.user !== null && (
          <>
            <dt>User</dt>
            <dd>{task.user}</dd>
          </>
        )}
        {task.replayOf !== null && (
          <>
            <dt>Replay of</dt>
            <dd>
              <a href={`/monitor/tasks/${task.replayOf}`}>{task.replayOf}</a>
            </dd>
          </>
        )}
        {task.trace !== null && (
          <>
            <dt>Trace</dt>
            <dd>
              <code>{task.trace}</code>: its <a href={`/monitor/tasks?trace=${task.trace}`}>tasks</a> and{" "}
              <a href={`/monitor/events?trace=${task.trace}`}>events</a>
            </dd>
          </>
        )}
      </dl>
      <p class="acts">
        {isEnded(task.status) && <Act path={`${path}/replay`}>Replay as a new task</Act>}
        {task.status === "FAILURE" && <Act path={`${path}/redrive`}>Redrive</Act>}
        {!isEnded(task.status) && (
          <Act path={`${path}/cancel`} confirm="Cancel this task? It ends as FAILURE.">
            Cancel
          </Act>
        )}
      </p>
    </section>
  );
}

const Next = ({ at, now }: { at: number; now: number }) => (
  <>
    by itself, {at > now ? "at about " : "any moment, planned for "}
    <Time at={at} />
  </>
);

function again({ status, reason }: Task): string {
  if (isEnded(status)) return status === "FAILURE" ? "no: it has ended" : "no need";
  const waits = status === "PENDING" && reason !== null;
  return waits ? "once there are fresh credentials, by itself" : "when its time comes, by itself";
}
