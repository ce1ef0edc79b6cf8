/** `lossi logs`: lines of functions, also of those asleep. */
import { setTimeout as sleep } from "node:timers/promises";

import { FUNCTION_NAMES } from "#shared/functions.ts";
import { formatLine } from "#shared/log.ts";
import type { LogLine } from "#shared/state/state.ts";

import { guess } from "./arguments.ts";
import type { Command, Context } from "./command.ts";
import { EXIT, Failure, usage } from "./failure.ts";
import type { Style, Terminal } from "./terminal.ts";

type Page = { lines: LogLine[]; next: string };

const FOLLOW_MS = 1000;
/** Most lines of one answer. */
const PAGE = 1000;

export const logs: Command = {
  takes: "[FUNCTION]",
  summary: "the last log lines, of one function or of all",
  flags: {
    text: "only lines with this text in them",
    follow: "go on with what is written, until Ctrl-C",
    lines: `how many to begin with, 1 to ${PAGE} (100)`,
  },
  help: `Following asks once a second, which keeps the function monitor awake, and
goes on after lossi was away.`,
  words: 1,
  async run(context) {
    const { given, terminal } = context;
    const show = (line: LogLine): void => terminal.out(given.json ? JSON.stringify(line) : painted(line, terminal));
    let page = await read(context, { limit: countOf(given.lines) });
    page.lines.forEach(show);
    let isAway = false;
    while (given.follow) {
      // A page that is full has more behind it.
      if (page.lines.length < PAGE || isAway) await sleep(FOLLOW_MS);
      try {
        page = await read(context, { limit: String(PAGE), after: page.next });
        isAway = false;
        page.lines.forEach(show);
      } catch (error) {
        if (!isPassing(error)) throw error;
        if (!isAway) terminal.err(`lossi: ${error.parts.what}: ${error.parts.why}; waiting for it`);
        isAway = true;
      }
    }
    return EXIT.done;
  },
};

function read({ words: [name], given, client }: Context, page: { limit: string; after?: string }): Promise<Page> {
  if (name !== undefined && !(FUNCTION_NAMES as string[]).includes(name))
    throw usage(`there is no function ${name}`, guess(name, FUNCTION_NAMES), "logs");
  const query = new URLSearchParams({
    ...page,
    ...(name !== undefined && { function: name }),
    ...(typeof given.text === "string" && { text: given.text }),
  });
  return client().get<Page>(`/logs?${query.toString()}`);
}

function countOf(given: string | true | undefined): string {
  const text = String(given ?? 100);
  if (/^\d{1,4}$/.test(text) && Number(text) >= 1 && Number(text) <= PAGE) return text;
  throw usage(`-n ${text} is no number of lines`, `expected 1 to ${PAGE}`, "logs");
}

/** Whether it is what a lossi says, or does not say, that is being started again. */
const isPassing = (error: unknown): error is Failure =>
  error instanceof Failure && (error.exit === EXIT.unreachable || error.status >= 500);

const STYLES: Record<string, Style> = { debug: "dim", warn: "yellow", error: "red" };

function painted(line: LogLine, { paint }: Terminal): string {
  const text = formatLine(line);
  const style = STYLES[line.level];
  return style === undefined ? text : paint(style, text);
}
