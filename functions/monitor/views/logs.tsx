/** Lines of any function, awake or asleep. */
import { FUNCTION_NAMES } from "#shared/functions.ts";
import { Lines } from "../lines.tsx";
import { Empty } from "../parts.tsx";
import type { View } from "../view.ts";
import { forAdministrators } from "./administrators.tsx";
import { Choice } from "./tasks.tsx";

const SHOWN = 300;

export const logs: View = async ({ query, caller }, { lines }) => {
  if (caller !== null && !caller.admin) return forAdministrators("Logs");
  const [name, text] = [FUNCTION_NAMES.find((one) => one === query.get("function")), query.get("text") ?? ""];
  const { lines: all } = await lines.read({
    limit: SHOWN,
    ...(name !== undefined && { functions: [name] }),
    ...(text !== "" && { text }),
  });
  return {
    title: "Logs",
    body: (
      <>
        <h1>Logs</h1>
        <form class="filters" method="get" action="/monitor/logs" role="search" aria-label="Filter lines">
          <Choice name="function" label="Function" values={FUNCTION_NAMES} chosen={name ?? ""} />
          <label>
            Text <input name="text" type="search" value={text} placeholder="a request id, a task, a word" />
          </label>
          <button type="submit">Show</button>
          <label>
            <input type="checkbox" data-follow checked /> follow
          </label>
        </form>
        {all.length === 0 ? (
          <Empty>No line fits. Lines are kept for a time and a number; the newest come first when it is full.</Empty>
        ) : (
          <Lines lines={all} linked label="Log lines, newest last" />
        )}
      </>
    ),
  };
};
