/** Flags and names, as people type them. What nobody knows is answered with the nearest that is known. */
import { parseArgs } from "node:util";

import { nearest } from "#shared/schema.ts";

import { usage } from "./failure.ts";

/** Every flag, and the word for its value where it has one. */
export const FLAGS = {
  url: { value: "URL" },
  json: {},
  help: { short: "h" },
  text: { value: "TEXT" },
  follow: { short: "f" },
  lines: { short: "n", value: "NUMBER" },
  manifests: { value: "FOLDER" },
} as const satisfies Record<string, { short?: string; value?: string }>;

export type Flag = keyof typeof FLAGS;
export type Given = { [flag in Flag]?: string | true };

/** What every command takes. */
export const COMMON: readonly Flag[] = ["url", "json", "help"];

export type Arguments = { words: string[]; given: Given };

const settings = (flag: Flag): { short?: string; value?: string } => FLAGS[flag];

/** Reads a command line. Throws a usage failure. */
export function readArguments(argv: string[]): Arguments {
  const names = Object.keys(FLAGS) as Flag[];
  const options = names.map((name) => {
    const { short, value } = settings(name);
    return [name, { type: value === undefined ? "boolean" : "string", ...(short !== undefined && { short }) }] as const;
  });
  const { tokens } = parseArgs({
    args: argv,
    options: Object.fromEntries(options),
    strict: false,
    tokens: true,
    allowPositionals: true,
  });
  const words: string[] = [];
  const given: Given = {};
  for (const token of tokens) {
    if (token.kind === "positional") words.push(token.value);
    if (token.kind === "option") given[known(token.name, token.rawName, names)] = valueOf(token);
  }
  return { words, given };
}

function known(name: string, raw: string, names: Flag[]): Flag {
  if (names.includes(name as Flag)) return name as Flag;
  if (name === "token")
    throw usage(
      "--token is not a flag",
      "other users of this machine see arguments; lossi reads the token from LOSSI_TOKEN",
    );
  throw usage(`${raw} is not a flag of lossi`, guess(name, names, "--"));
}

function valueOf({
  name,
  rawName,
  value,
}: {
  name: string;
  rawName: string;
  value?: string | undefined;
}): string | true {
  const { value: word } = settings(name as Flag);
  if (word === undefined && value !== undefined) throw usage(`${rawName} takes no value`, `it was given ${value}`);
  if (word === undefined) return true;
  if (value === undefined || value === "") throw usage(`${rawName} needs a value`, `expected ${rawName} ${word}`);
  return value;
}

/** The reason for refusing a name: the one that was probably meant, or all there are. */
export function guess(word: string, names: readonly string[], dashes = ""): string {
  const near = nearest(word, names);
  return near === null
    ? `there are ${names.map((name) => dashes + name).join(", ")}`
    : `did you mean ${dashes}${near}?`;
}

/** Refuses flags that belong to other commands. */
export function allow(command: string, given: Given, own: readonly Flag[]): void {
  const allowed = [...COMMON, ...own];
  const other = (Object.keys(given) as Flag[]).find((flag) => !allowed.includes(flag));
  if (other === undefined) return;
  throw usage(`lossi ${command} has no --${other}`, guess(other, allowed, "--"), command);
}
