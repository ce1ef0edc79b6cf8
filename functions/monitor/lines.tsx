/** Log lines for reading, in the reader's time. */
import { fieldText } from "#shared/log.ts";
import type { LogLine } from "#shared/state/state.ts";
import { Time } from "./parts.tsx";

const LEVELS: Record<string, string> = { warn: "WARNING", error: "ERROR", debug: "DEBUG" };

/** `linked`: each leads to its task. */
export const Lines = ({ lines, linked, label }: { lines: LogLine[]; linked: boolean; label: string }) => (
  <ol class="lines" tabindex={0} aria-label={label}>
    {lines.map((line) => (
      <li class={line.level}>
        <Time at={line.time} /> {LEVELS[line.level]} <b>{line.function}</b> <bdi>{line.message}</bdi>{" "}
        <span class="quiet">
          {Object.entries(line.fields).map(([name, value]) => (
            <Field name={name} value={value} linked={linked} />
          ))}
        </span>
      </li>
    ))}
  </ol>
);

function Field({ name, value, linked }: { name: string; value: LogLine["fields"][string]; linked: boolean }) {
  const text = fieldText(value);
  return (
    <>
      <bdi>{name}</bdi>=
      {linked && name === "taskId" ? (
        <a href={`/monitor/tasks/${encodeURIComponent(text.toWellFormed())}`}>{text}</a>
      ) : (
        <bdi>{text}</bdi>
      )}{" "}
    </>
  );
}
