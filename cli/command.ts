/** What every command is made of. */
import type { Arguments, Flag } from "./arguments.ts";
import type { Client, Environment } from "./client.ts";
import type { Terminal } from "./terminal.ts";

export type Context = {
  /** What stands behind the command's name. */
  words: string[];
  given: Arguments["given"];
  env: Environment;
  terminal: Terminal;
  /** The lossi that is meant. Throws a usage failure where its address is none. */
  client: () => Client;
};

export type Command = {
  /** Names and brackets behind the command's name, for its help. */
  takes: string;
  summary: string;
  /** Flags beside the common ones, and what each is for. */
  flags: { [flag in Flag]?: string };
  /** Further lines of its help. */
  help?: string;
  /** Most words it takes. */
  words: number;
  /** Answers the exit code. */
  run(context: Context): Promise<number>;
};
