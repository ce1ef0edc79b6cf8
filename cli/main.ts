/** The command `lossi`. Each command has a file of its own; docs/command.md is its page. */
import { messageOf } from "#shared/errors.ts";
import { plain } from "#shared/plain.ts";

import { allow, guess, readArguments } from "./arguments.ts";
import type { Flag } from "./arguments.ts";
import { openClient } from "./client.ts";
import type { Client } from "./client.ts";
import type { Command } from "./command.ts";
import { doctor } from "./doctor.ts";
import { EXIT, Failure, usage } from "./failure.ts";
import { help, helpOf } from "./help.ts";
import { logs } from "./logs.ts";
import { send } from "./send.ts";
import { status } from "./status.ts";
import { createTerminal, restOf } from "./terminal.ts";

const COMMANDS: Record<string, Command> = { status, logs, send, doctor };

const { env } = process;
const isPlain = (env["NO_COLOR"] ?? "") !== "";
const terminal = createTerminal({ colours: process.stdout.isTTY && !isPlain });
const errors = createTerminal({ colours: process.stderr.isTTY && !isPlain });

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // Whoever read our output has enough, such as `head`.
  if (error.code === "EPIPE") process.exit(EXIT.done);
  const next = "df -h   (where the output goes to, and whether it may be written)";
  process.exit(report(new Failure(EXIT.broken, { what: "not all could be printed", why: messageOf(error), next })));
});
process.once("SIGINT", () => process.exit(EXIT.interrupted));
process.once("SIGTERM", () => process.exit(EXIT.terminated));

const argv = process.argv.slice(2);
const code = await run().catch(report);
// A connection that was refused may keep timers; nothing is left to wait for but what was written.
process.stdout.write("", (error) => error ?? process.exit(code));

async function run(): Promise<number> {
  const { words, given } = readArguments(argv);
  const [name, ...rest] = words;
  if (name === undefined || name === "help") {
    const [topic] = rest;
    terminal.out(topic === undefined ? help(COMMANDS) : helpOf(topic, commandOf(topic)));
    return name === undefined && given.help !== true ? EXIT.usage : EXIT.done;
  }
  const command = commandOf(name);
  allow(name, given, Object.keys(command.flags) as Flag[]);
  if (given.help === true) {
    terminal.out(helpOf(name, command));
    return EXIT.done;
  }
  const extra = rest[command.words];
  if (extra !== undefined)
    throw usage(`${name} takes no ${extra}`, `expected lossi ${name} ${command.takes}`.trimEnd(), name);
  const client = (): Client => openClient(given.url as string | undefined, env);
  return command.run({ words: rest, given, env, terminal, client });
}

function commandOf(name: string): Command {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) throw usage(`there is no command ${name}`, guess(name, Object.keys(COMMANDS)));
  return command;
}

/** Writes what went wrong; answers the exit code. */
function report(error: unknown): number {
  const { parts, exit } = error instanceof Failure ? error : unexpected(error);
  if (argv.includes("--json")) errors.err(JSON.stringify(parts));
  else for (const line of [errors.paint("red", `lossi: ${plain(parts.what)}`), ...restOf(parts)]) errors.err(line);
  return exit;
}

function unexpected(error: unknown): Failure {
  const what = "nobody thought of what happened here";
  return new Failure(EXIT.broken, { what, why: messageOf(error), next: "lossi doctor   (and tell who keeps lossi)" });
}
