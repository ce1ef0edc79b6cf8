/** Events on their way from a source over the broker to functions, and a form that sends one. */
import * as z from "zod";

import { catalogue } from "#events/index.ts";
import { fieldText } from "#shared/log.ts";
import type { LogLine } from "#shared/state/state.ts";
import { Badge, Empty, Time, duration } from "../parts.tsx";
import type { View } from "../view.ts";
import { forAdministrators } from "./administrators.tsx";

/** Lines looked through for events. */
const LOOK = 3000;
const SHOWN = 50;

type Way = {
  id: string;
  type: string;
  source: string;
  subject: string;
  trace: string | null;
  taskId: string | null;
  tries: { at: number; by: string; status: number; durationMs: number; reason: string }[];
};

export const events: View = async ({ query, caller }, { lines }) => {
  if (caller !== null && !caller.admin) return forAdministrators("Events");
  const [trace, id] = [query.get("trace"), query.get("id")];
  const { lines: told } = await lines.read({ limit: LOOK, text: '"ceId"', ...(trace !== null && { trace }) });
  const ways = waysOf(told).filter((way) => id === null || way.id === id);
  return {
    title: "Events",
    body: (
      <>
        <h1>Events</h1>
        <p>
          <a href="#send">Send a test event</a>
        </p>
        {trace !== null && (
          <p>
            Of the trace <code>{trace}</code>. <a href="/monitor/events">All of them</a>
          </p>
        )}
        {ways.length === 0 ? (
          <Empty>No event was delivered yet. Every task sends some; the form below sends one by hand.</Empty>
        ) : (
          <ul class="ways">
            {ways.slice(0, SHOWN).map((way) => (
              <Shown way={way} />
            ))}
          </ul>
        )}
        <Form chosen={query.get("type") ?? ""} />
      </>
    ),
  };
};

/** Deliveries by event, the newest event first. */
function waysOf(lines: LogLine[]): Way[] {
  const ways = new Map<string, Way>();
  for (const { time, function: by, message, fields, trace } of lines) {
    const { ceId, ceType, ceSource, ceSubject, status, durationMs, reason, taskId } = fields;
    if (message !== "request finished" || typeof ceId !== "string") continue;
    const key = `${fieldText(ceSource)} ${ceId}`;
    const way = ways.get(key) ?? {
      id: ceId,
      type: fieldText(ceType),
      source: fieldText(ceSource),
      subject: fieldText(ceSubject),
      trace,
      taskId: null,
      tries: [],
    };
    if (typeof taskId === "string") way.taskId = taskId;
    way.tries.push({
      at: time,
      by,
      status: Number(status),
      durationMs: Number(durationMs),
      reason: fieldText(reason),
    });
    // What was told last stands first.
    ways.delete(key);
    ways.set(key, way);
  }
  return [...ways.values()].toReversed();
}

const Shown = ({ way: { id, type, source, subject, trace, taskId, tries } }: { way: Way }) => (
  <li id={`event-${id}`}>
    <h2>
      <bdi>{type}</bdi> <bdi>{subject}</bdi> <code class="quiet">{id}</code>
    </h2>
    <ol class="way">
      <li>
        <b>{source}</b> <span class="quiet">sent it</span>
      </li>
      <li>
        <b>broker</b> <span class="quiet">took it</span>
      </li>
      <li>
        <ul class="branches">
          {[...new Set(tries.map(({ by }) => by))].map((by) => (
            <li>
              <b>{by}</b> <span class="quiet">by the Trigger {triggerOf(by, type)}</span>
              <ul>
                {tries
                  .filter((one) => one.by === by)
                  .map(({ at, status, durationMs, reason }) => (
                    <li>
                      <Badge kind={status < 300 ? "good" : "bad"}>{status}</Badge> <Time at={at} />{" "}
                      <span class="quiet">
                        after {duration(durationMs)} {reason}
                      </span>
                    </li>
                  ))}
              </ul>
            </li>
          ))}
        </ul>
      </li>
    </ol>
    <p>
      {taskId !== null && <a href={`/monitor/tasks/${taskId}`}>its task</a>}{" "}
      {trace !== null && <a href={`/monitor/events?trace=${trace}`}>all of its trace</a>}
    </p>
  </li>
);

/** As our manifests name Triggers: function, `-on-`, event. */
function triggerOf(by: string, type: string): string {
  const name = catalogue.find((event) => event.type === type)?.name;
  return by === "dead-letters" ? "none: the broker's dead letter sink" : `${by}-on-${name ?? type}`;
}

type Property = { type?: string; enum?: string[]; anyOf?: Property[]; description?: string };

function Form({ chosen }: { chosen: string }) {
  const event = catalogue.find(({ type }) => type === chosen);
  return (
    <section aria-labelledby="send">
      <h2 id="send">Send a test event</h2>
      <form class="filters" method="get" action="/monitor/events#send">
        <label>
          Type{" "}
          <select name="type">
            {catalogue.map(({ type }) => (
              <option selected={type === chosen}>{type}</option>
            ))}
          </select>
        </label>
        <button type="submit">Fill in</button>
      </form>
      {event !== undefined && (
        <form class="fields" data-event={event.type}>
          <p>
            {event.summary} It wakes {event.wakes.join(", ") || "nobody"}.
          </p>
          {fieldsOf(event.data).map(([name, property]) => (
            <Field name={name} property={property} />
          ))}
          <button type="submit">Send</button>
        </form>
      )}
    </section>
  );
}

function fieldsOf(schema: z.ZodType): [string, Property][] {
  const { properties = {} } = z.toJSONSchema(schema, { unrepresentable: "any", io: "input" }) as {
    properties?: Record<string, Property>;
  };
  return Object.entries(properties);
}

function Field({ name, property }: { name: string; property: Property }) {
  const kind = property.type ?? property.anyOf?.find(({ type }) => type !== "null")?.type ?? "json";
  return (
    <label>
      {name}{" "}
      {property.enum === undefined ? (
        <input
          name={name}
          data-kind={kind}
          type={kind === "number" || kind === "integer" ? "number" : "text"}
          placeholder={property.description ?? (kind === "string" ? "" : kind)}
        />
      ) : (
        <select name={name} data-kind="string">
          {property.enum.map((value) => (
            <option>{value}</option>
          ))}
        </select>
      )}
    </label>
  );
}
