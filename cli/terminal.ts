/** Where a command writes to, and in which colours. */
import { styleText } from "node:util";

import { plain } from "#shared/plain.ts";

import type { Parts } from "./failure.ts";

export type Style = Parameters<typeof styleText>[0];

export interface Terminal {
  out(line: string): void;
  err(line: string): void;
  /** In colour where somebody looks at it, else as it is. */
  paint(style: Style, text: string): string;
}

export type TerminalOptions = { colours: boolean };

export const createTerminal = ({ colours }: TerminalOptions): Terminal => ({
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
  paint: (style, text) => (colours ? styleText(style, text, { validateStream: false }) : text),
});

/** The second and third part of a failure, each below the one before. */
export const restOf = ({ why, next }: Parts): string[] => [...labelled("why:", why), ...labelled("next:", next)];

const labelled = (label: string, text: string): string[] =>
  text.split("\n").map((line, index) => `  ${(index === 0 ? label : "").padEnd(6)}${plain(line)}`);
