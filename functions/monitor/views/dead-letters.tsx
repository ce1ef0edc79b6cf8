/** What the broker gave up, why, and the way back. */
import { countDeadLetters, listDeadLetters } from "#shared/dead-letters.ts";
import type { DeadLetter } from "#shared/dead-letters.ts";
import { Act, Badge, Empty, Table, Time } from "../parts.tsx";
import type { View } from "../view.ts";
import { forAdministrators } from "./administrators.tsx";

export const deadLetters: View = async ({ caller }, { documents }) => {
  if (caller !== null && !caller.admin) return forAdministrators("Dead letters");
  const letters = (await listDeadLetters(documents)).toSorted((a, b) => b.at.localeCompare(a.at));
  const count = await countDeadLetters(documents);
  return {
    title: "Dead letters",
    body: (
      <>
        <h1>Dead letters</h1>
        {letters.length === 0 ? (
          <Empty>None: every event was delivered. What cannot be stands here with its reason.</Empty>
        ) : (
          <>
            <p class="acts">
              <label>
                <input type="checkbox" data-choose="all" /> all
              </label>
              <button type="button" data-chosen="redrive">
                Redrive the chosen
              </button>
              <button type="button" data-chosen="drop">
                Drop the chosen
              </button>
            </p>
            {count > letters.length && (
              <p class="quiet">
                Shown are {letters.length} of {count}; others come in their place when these are redriven or dropped.
              </p>
            )}
            <Table
              caption="Dead letters, newest first"
              columns={["Choose", "When", "Event", "Reason", "Last answer", "Task", "Do"]}
              rows={letters.map((letter) => ({ id: `letter-${letter.id}`, cells: rowOf(letter) }))}
            />
          </>
        )}
      </>
    ),
  };
};

const rowOf = ({ id, at, type, reason, status, destination, taskId }: DeadLetter) => [
  <input type="checkbox" name="letter" value={id} aria-label={`Choose ${type} of ${at}`} />,
  <Time at={Date.parse(at)} />,
  type,
  <span class="wrap">{reason}</span>,
  <>
    {status === null ? "none" : <Badge kind="bad">{status}</Badge>} <span class="quiet">{destination}</span>
  </>,
  taskId === null ? "–" : <a href={`/monitor/tasks/${taskId}`}>{taskId.slice(0, 8)}</a>,
  <span class="acts">
    <Act path={`/dead-letters/${id}/redrive`} label={`Redrive ${type} of ${at}`}>
      Redrive
    </Act>
    <Act
      method="DELETE"
      path={`/dead-letters/${id}`}
      confirm="Drop this letter? Its event is gone then."
      label={`Drop ${type} of ${at}`}
    >
      Drop
    </Act>
  </span>,
];
