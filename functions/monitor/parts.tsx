/** Pieces that views are made of. Text is escaped by JSX; nothing here takes HTML. */
import type { Child } from "hono/jsx";

import { escaped } from "#shared/plain.ts";
import type { Json, TaskStatus } from "#shared/state/state.ts";

/** A moment: the page's script says it in the reader's zone, and hovering shows it exactly. */
export function Time({ at, relative = false }: { at: number | null; relative?: boolean }) {
  if (at === null) return <span class="quiet">–</span>;
  const exact = new Date(at).toISOString();
  return (
    <time datetime={exact} title={exact} data-relative={relative ? "" : undefined}>
      {exact.slice(0, 19).replace("T", " ")} UTC
    </time>
  );
}

const UNITS: [string, number][] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
];

/** Keeps a number and its unit on one line. */
const NBSP = "\u00a0";

/** A length of time in the two largest units that say something. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}${NBSP}ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)}${NBSP}s`;
  let left = Math.round(ms / 1000) * 1000;
  const words: string[] = [];
  for (const [unit, size] of UNITS) {
    if (left >= size && words.length < 2) words.push(`${Math.floor(left / size)}${NBSP}${unit}`);
    left %= size;
  }
  return words.join(" ");
}

const UNIT_NAMES = ["B", "kB", "MB", "GB", "TB"];

/** Bytes as people say them. */
export function bytes(count: number): string {
  const power = count < 1000 ? 0 : Math.min(Math.floor(Math.log10(count) / 3), UNIT_NAMES.length - 1);
  return `${(count / 1000 ** power).toFixed(power === 0 ? 0 : 1)}${NBSP}${UNIT_NAMES[power]}`;
}

const KINDS: Record<string, string> = {
  SUCCESS: "good",
  FAILURE: "bad",
  RETRY: "warn",
  STARTED: "busy",
  PENDING: "calm",
};

/** A task's state: its name beside the colour, so that nobody has to see the colour. */
export const Status = ({ of }: { of: TaskStatus }) => <span class={`badge ${KINDS[of]}`}>{of}</span>;

export const Badge = ({ kind, children }: { kind: "good" | "bad" | "warn" | "busy" | "calm"; children?: Child }) => (
  <span class={`badge ${kind}`}>{children}</span>
);

/** What stands where there is nothing, and what to do next. */
export const Empty = ({ children }: { children?: Child }) => <p class="empty">{children}</p>;

/** A share of a hundred as a bar; its number stands beside it. */
export function Bar({ percent, label }: { percent: number | undefined; label: string }) {
  if (percent === undefined) return <span class="quiet">–</span>;
  const width = Math.max(0, Math.min(100, percent));
  return (
    <span class="bar">
      <svg viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label={`${label}: ${percent} %`}>
        <rect class="track" width="100" height="8" />
        <rect class="fill" width={width} height="8" />
      </svg>
      <span>{Math.round(percent)} %</span>
    </span>
  );
}

/** Counts of the last minutes, newest at the right. */
export function Graph({ counts, label }: { counts: number[]; label: string }) {
  const most = Math.max(...counts, 1);
  return (
    <svg class="graph" viewBox={`0 0 ${counts.length * 4} 20`} role="img" aria-label={label} preserveAspectRatio="none">
      {counts.map((count, index) => {
        const height = count === 0 ? 1 : Math.max(2, (count / most) * 20);
        return <rect x={index * 4} y={20 - height} width="3" height={height} class={count === 0 ? "none" : ""} />;
      })}
    </svg>
  );
}

/** A button that calls the public API; the script says how it went. */
export function Act(props: {
  method?: "POST" | "PUT" | "DELETE";
  path: string;
  body?: Json;
  /** Asked before it is done. */
  confirm?: string;
  label?: string;
  children?: Child;
}) {
  const { method = "POST", path, body, confirm, label, children } = props;
  return (
    <button
      type="button"
      data-method={method}
      data-path={path}
      data-body={body === undefined ? undefined : JSON.stringify(body)}
      data-confirm={confirm}
      aria-label={label}
    >
      {children}
    </button>
  );
}

/** JSON for reading; what turns the direction of writing is escaped in it. */
export const Data = ({ value, label }: { value: Json; label: string }) => (
  <pre tabindex={0} role="region" aria-label={label}>
    {JSON.stringify(value, null, 2).replaceAll(/[\u202a-\u202e\u2066-\u2069]/g, escaped)}
  </pre>
);

/** A table whose columns have names on a phone too. */
export function Table({
  columns,
  rows,
  caption,
}: {
  columns: string[];
  rows: { id?: string; cells: Child[] }[];
  caption: string;
}) {
  return (
    <div class="scroll" tabindex={0} role="region" aria-label={caption}>
      <table>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th scope="col">{column}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ id, cells }) => (
            <tr id={id}>
              {cells.map((cell, index) => (
                <td data-column={columns[index]}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The beginning of a longer text. */
export const excerpt = (text: string, most = 120): string =>
  text.length > most ? `${text.slice(0, most - 1)}…` : text;
