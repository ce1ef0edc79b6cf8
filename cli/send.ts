/** `lossi send TYPE FILE`: announces an event of the catalogue. */
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";

import { catalogue } from "#events/index.ts";
import { messageOf } from "#shared/errors.ts";
import { nearest } from "#shared/schema.ts";

import type { Command } from "./command.ts";
import { EXIT, Failure, usage } from "./failure.ts";

export const send: Command = {
  takes: "TYPE FILE",
  summary: "announce an event, its data from a file (-: stdin)",
  flags: {},
  help: `Prints the event's id. docs/events.md has every type with its fields;
events/samples/ has data to begin with.`,
  words: 2,
  async run({ words: [type, file], given, client, terminal }) {
    if (type === undefined || file === undefined)
      throw usage("send needs a type and a file", "expected lossi send TYPE FILE", "send");
    const data = parsed(file, file === "-" ? await text(process.stdin) : read(file));
    const { output } = await client()
      .post<{ output: string }>("/events", { type, data })
      .catch((error: unknown) => {
        throw withHint(error, type);
      });
    terminal.out(given.json ? JSON.stringify({ id: output }) : output);
    return EXIT.done;
  },
};

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Failure(EXIT.broken, {
      what: `${file} cannot be read`,
      why: messageOf(error),
      next: "lossi send TYPE FILE   (- for standard input)",
    });
  }
}

function parsed(file: string, content: string): unknown {
  try {
    // Some editors begin a file with a mark of its encoding.
    return JSON.parse(content.replace(/^\uFEFF/, "")) as unknown;
  } catch (error) {
    const where = file === "-" ? "standard input" : file;
    throw new Failure(EXIT.broken, {
      what: `${where} is not JSON, and nothing was sent`,
      why: content.trim() === "" ? "it is empty" : messageOf(error),
      next:
        file === "-"
          ? "pipe the event's data, an object such as {}"
          : `node -p 'JSON.parse(fs.readFileSync(${JSON.stringify(file)}))'`,
    });
  }
}

/** A type that lossi does not know may be one of ours, misspelt. */
function withHint(error: unknown, type: string): unknown {
  const types: string[] = catalogue.map((event) => event.type);
  if (!(error instanceof Failure) || error.exit !== EXIT.broken || types.includes(type)) return error;
  const near = nearest(type, types) ?? types.find((one) => one.includes(type));
  return near === undefined ? error : new Failure(error.exit, { ...error.parts, next: `lossi send ${near} FILE` });
}
