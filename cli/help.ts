import { FLAGS } from "./arguments.ts";
import type { Flag } from "./arguments.ts";
import type { Command } from "./command.ts";

const COMMON_HELP: { [flag in Flag]?: string } = {
  url: "which lossi is meant; LOSSI_URL says the same",
  json: "answers for programs, errors too",
  help: "this",
};

const FOOT = `Environment:
  LOSSI_URL    which lossi is meant (http://127.0.0.1:$LOSSI_PORT, or port 7600)
  LOSSI_TOKEN  who calls, where callers must say so; others could see a flag
  NO_COLOR     no colours; there are none where the output is no terminal

Exit codes:
  0   done
  1   refused, or something is broken
  64  the command line was wrong
  69  lossi could not be reached
  77  not allowed`;

/** What `lossi` and `lossi --help` print. */
export function help(commands: Record<string, Command>): string {
  const rows = Object.entries(commands).map(([name, { takes, summary }]) => [
    `lossi ${name} ${takes}`.trimEnd(),
    summary,
  ]);
  return [
    "Looks at a lossi, on a laptop and on a cluster.",
    "",
    ...table(rows),
    "",
    "lossi COMMAND --help says more.",
    "",
    FOOT,
  ].join("\n");
}

/** What `lossi COMMAND --help` prints. */
export function helpOf(name: string, { takes, summary, flags, help: more }: Command): string {
  const rows = Object.entries({ ...flags, ...COMMON_HELP }).map(([flag, text]) => [spelt(flag as Flag), text]);
  return [
    `lossi ${name} ${takes}`.trimEnd() + `: ${summary}`,
    ...(more === undefined ? [] : ["", more]),
    "",
    "Flags:",
    ...table(rows),
    "",
    FOOT,
  ].join("\n");
}

function spelt(flag: Flag): string {
  const { short, value }: { short?: string; value?: string } = FLAGS[flag];
  return `${short === undefined ? "    " : `-${short}, `}--${flag}${value === undefined ? "" : ` ${value}`}`;
}

function table(rows: string[][]): string[] {
  const width = Math.max(...rows.map(([first = ""]) => first.length)) + 2;
  return rows.map(([first = "", second = ""]) => `  ${first.padEnd(width)}${second}`);
}
