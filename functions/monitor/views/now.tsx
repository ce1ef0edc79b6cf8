/** What sleeps, what runs, what waits, and what went wrong of late. */
import { TASK_STATUSES } from "#shared/state/state.ts";
import { nextBeat, wordsFor } from "../clocks.ts";
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
        <Around seen={seen} now={deps.now()} />
      </>
    ),
  };
};

function Problems({ seen }: { seen: Overview }) {
  return (
    <>
      {seen.store === null && (
        <Empty>
          lossi has no configuration yet. Send one: <code>POST /setup/config/init</code>, as the{" "}
          <a href="/docs">API page</a> shows.
        </Empty>
      )}
      {seen.store !== null && <StoreProblem store={seen.store} />}
      {seen.problems.map((problem) => (
        <p class="alert">Could not be asked: {problem}</p>
      ))}
    </>
  );
}

type Store = NonNullable<Overview["store"]>;

function StoreProblem({ store: { state, reason, advice, waitingForCredentials: waiting } }: { store: Store }) {
  const waits = waiting === 1 ? "1 task waits" : `${waiting} tasks wait`;
  const goesOn = waiting > 0 && " What waits goes on by itself then.";
  if (state === "refused" || state === "failing") {
    return (
      <p class="alert" role="alert">
        The store {state === "refused" ? "refuses its credentials" : "does not work"}
        {waiting > 0 && `, and ${waits}`}: <bdi>{reason}</bdi>. {advice}
        {goesOn}
      </p>
    );
  }
  return (
    waiting > 0 && (
      <p class="alert" role="alert">
        {waits} for fresh credentials of the store. Send them: <code>POST /setup/config/init</code>.{goesOn}
      </p>
    )
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

function Around({ seen, now }: { seen: Overview; now: number }) {
  const { clocks, gpus, store, forwards } = seen;
  const all = forwards.up + forwards.down + forwards.unknown;
  const rows = [
    {
      cells: [
        "Schedule",
        clocks.length === 0 ? "off: POST /setup/config/start turns it on" : <Clocks clocks={clocks} now={now} />,
      ],
    },
    { cells: ["Storage", store === null ? "not configured" : <Storage store={store} />] },
    ...(store === null ? [] : [{ cells: ["Credentials", <Credentials store={store} />] }]),
    {
      cells: [
        "Forwards",
        all === 0 ? "none" : `${forwards.up} up, ${forwards.down} down, ${forwards.unknown} not looked at yet`,
      ],
    },
    { cells: ["GPUs", gpus === null ? "none here" : <Gpus gpus={gpus} />] },
  ];
  return (
    <>
      <h2>Around them</h2>
      <Table caption="Schedule, storage, forwards and GPUs" columns={["What", "How it is"]} rows={rows} />
    </>
  );
}

/** Who waits longest is named. */
const SHOWN_WAITING = 10;

const Clocks = ({ clocks, now }: { clocks: Overview["clocks"]; now: number }) => (
  <>
    {clocks.map((clock) => (
      <div>
        <bdi>{clock.name}</bdi> <Cron clock={clock} />
        <Next at={nextBeat(clock, now)} />
      </div>
    ))}
  </>
);

function Cron({ clock }: { clock: Overview["clocks"][number] }) {
  const words = wordsFor(clock);
  if (words === null)
    return (
      <>
        at <bdi>{clock.cron}</bdi> <bdi>{clock.timezone}</bdi>
      </>
    );
  return (
    <span title={clock.cron}>
      {words}
      <span class="unseen"> (cron {clock.cron})</span>
    </span>
  );
}

const Next = ({ at }: { at: number | null }) =>
  at === null ? null : (
    <span class="quiet">
      , next <Time at={at} />
    </span>
  );

const STORE_KINDS = { unknown: "calm", works: "good", refused: "bad", failing: "bad" } as const;

const Storage = ({ store: { client, address, buckets, state, checkedAt, workedAt } }: { store: Store }) => (
  <span>
    <Badge kind={STORE_KINDS[state]}>{state}</Badge>{" "}
    {client === "none" ? "the store of this place" : `${client} at ${address}`}; buckets {buckets.join(", ")}
    {checkedAt !== null && (
      <span class="quiet">
        ; asked <Time at={checkedAt} relative />
        {state !== "works" && workedAt !== null && (
          <>
            , last seen to work <Time at={workedAt} relative />
          </>
        )}
      </span>
    )}
  </span>
);

function Credentials({ store: { client, token } }: { store: Store }) {
  if (client === "none") return <>init was given none: the store is this place's own</>;
  if (client === "s3") return <>access keys from init; nobody said until when they are good</>;
  if (token === null) return <>no token yet</>;
  const { from, expiresAt, renewable } = token;
  return (
    <span>
      token from {from === "init" ? "init" : "Keystone"},{" "}
      {expiresAt === null ? (
        "nobody said until when it is good"
      ) : (
        <>
          good until <Time at={expiresAt} />
        </>
      )}
      ; {renewable ? "when it is refused, lossi asks Keystone for another" : "when it is refused, call init again"}
    </span>
  );
}

const Gpus = ({ gpus: { total, free, waiting } }: { gpus: NonNullable<Overview["gpus"]> }) => (
  <span>
    {total === null ? "slots not counted here" : `${free} of ${total} slots free`};{" "}
    {waiting.length === 0 ? "nobody waits" : "waiting:"}
    {waiting.slice(0, SHOWN_WAITING).map(({ function: name, since }, index) => (
      <>
        {index > 0 && ","} <bdi>{name}</bdi> since <Time at={since} />
      </>
    ))}
    {waiting.length > SHOWN_WAITING && ` and ${waiting.length - SHOWN_WAITING} more`}
  </span>
);
