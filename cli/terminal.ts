/** Where a command writes to, and in which colours. */
import { styleText } from "node:util";

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

/** Text that others wrote, on one line: what steers a terminal stands there as it would in JSON. */
export const plain = (text: string): string =>
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (sign) => {
    const named = JSON.stringify(sign).slice(1, -1);
    return named === sign ? `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}` : named;
  });
