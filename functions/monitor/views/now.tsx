/** What sleeps, what runs, what waits, and what went wrong of late. */
import { TASK_STATUSES } from "#shared/state/state.ts";
import { doesOf, overview } from "../overview.ts";
import type { FunctionStatus, Overview } from "../overview.ts";
import { Badge, Empty, Graph, Status, Table, Time, duration } from "../parts.tsx";
import type { View } from "../view.ts";

const KINDS = { asleep: "calm", waking: "busy", awake: "good", unknown: "warn" } as const;

export const now: View = async ({ caller }, deps) => {
  const seen = await overview(caller, deps);
  return {
    title: "Now",
    body: (
      <>
        <h1>Now</h1>
        <Problems seen={seen} />
        <Tasks seen={seen} now={deps.now()} />
        <h2>Functions</h2>
        <ul class="cards">
          {seen.functions.map((one) => (
            <Card one={one} />
          ))}
        </ul>
        <Around seen={seen} />
      </>
    ),
  };
};

function Problems({ seen }: { seen: Overview }) {
  const waiting = seen.store?.waitingForCredentials ?? 0;
  return (
    <>
      {seen.store === null && (
        <Empty>
          lossi has no configuration yet. Send one: <code>POST /setup/config/init</code>, as the{" "}
          <a href="/docs">API page</a> shows.
        </Empty>
      )}
      {waiting > 0 && (
        <p class="alert" role="alert">
          The store refuses its credentials, and {waiting === 1 ? "1 task waits" : `${waiting} tasks wait`}. Send fresh
          ones: <code>POST /setup/config/init</code>; what waits goes on by itself.
        </p>
      )}
      {seen.problems.map((problem) => (
        <p class="alert">Could not be asked: {problem}</p>
      ))}
    </>
  );
}

const Tasks = ({ seen, now }: { seen: Overview; now: number }) => (
  <section class="figures" aria-label="Tasks by state">
    {TASK_STATUSES.map((status) => (
      <a id={`count-${status}`} href={`/monitor/tasks?status=${status}`}>
        <b>{seen.tasks.byStatus[status]}</b> <Status of={status} />
      </a>
    ))}
    {seen.deadLetters !== null && (
      <a href="/monitor/dead-letters">
        <b>{seen.deadLetters}</b> <Badge kind={seen.deadLetters > 0 ? "bad" : "calm"}>dead letters</Badge>
      </a>
    )}
    {seen.tasks.oldestOpenAt !== null && (
      <span class="quiet">the oldest that has not ended waits for {duration(now - seen.tasks.oldestOpenAt)}</span>
    )}
  </section>
);

const Card = ({ one }: { one: FunctionStatus }) => (
  <li id={`function-${one.name}`} class="card">
    <h3>
      <a href={`/monitor/logs?function=${one.name}`}>{one.name}</a>{" "}
      <Badge kind={KINDS[one.state]}>
        {one.state}
        {one.instances > 1 && ` × ${one.instances}`}
      </Badge>
    </h3>
    <p class="quiet">
      {doesOf(one.name)};{" "}
      {one.wokeAt === null ? (
        "has not woken of late"
      ) : (
        <>
          woke <Time at={one.wokeAt} relative />
        </>
      )}
      {one.wokeMs !== null && ` in ${duration(one.wokeMs)}`}
    </p>
    <Graph
      counts={one.requests}
      label={`${one.name}: ${requests(one)} in the last 15 minutes, ${one.failures} of them failed`}
    />
    <p class="quiet">
      {requests(one)} in 15 min{one.failures > 0 && <b class="bad">, {one.failures} failed</b>}
    </p>
  </li>
);

function requests(one: FunctionStatus): string {
  const count = sum(one.requests);
  return `${count} ${count === 1 ? "request" : "requests"}`;
}

const sum = (counts: number[]): number => counts.reduce((all, count) => all + count, 0);

function Around({ seen }: { seen: Overview }) {
  const { clocks, gpus, store, forwards } = seen;
  const all = forwards.up + forwards.down + forwards.unknown;
  const rows = [
    {
      cells: [
        "Schedule",
        clocks.length === 0 ? "off: POST /setup/config/start turns it on" : clocks.map(clock).join("; "),
      ],
    },
    {
      cells: ["Objects", store === null ? "not configured" : `${clientOf(store)}; buckets ${store.buckets.join(", ")}`],
    },
    {
      cells: [
        "Forwards",
        all === 0 ? "none" : `${forwards.up} up, ${forwards.down} down, ${forwards.unknown} not looked at yet`,
      ],
    },
    { cells: ["GPUs", gpus === null ? "none here" : gpuWords(gpus)] },
  ];
  return (
    <>
      <h2>Around them</h2>
      <Table caption="Schedule, objects, forwards and GPUs" columns={["What", "How it is"]} rows={rows} />
    </>
  );
}

const clock = ({ name, cron }: Overview["clocks"][number]): string => `${name} beats at ${cron}`;

const clientOf = ({ client, address }: NonNullable<Overview["store"]>): string =>
  client === "none" ? "the store of this place" : `${client} at ${address}`;

function gpuWords({ total, free, waiting }: NonNullable<Overview["gpus"]>): string {
  const slots = total === null ? "slots not counted here" : `${free} of ${total} slots free`;
  return waiting.length === 0 ? `${slots}; nobody waits` : `${slots}; waiting: ${waiting.join(", ")}`;
}
