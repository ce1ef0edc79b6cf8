/** Pickles against real CPython, both ways. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { describe, expect, onTestFinished, test } from "vitest";

import { decode, encode } from "#shared/objects/codec.ts";
import { readPickle } from "#shared/objects/pickle.ts";
import type { Plain } from "#shared/objects/pickle.ts";

import { has } from "../required.ts";

const python = has("python", "python3", ["--version"]);

function startPython() {
  const child = spawn("python3", [join(import.meta.dirname, "cpython.py")], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void child.kill());
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (request: object): Promise<any> => {
    child.stdin.write(`${JSON.stringify(request)}\n`);
    return JSON.parse((await lines.next()).value as string);
  };
  return {
    dump: async (value: Plain, protocol: number) => Buffer.from(await ask({ dump: value, protocol }), "base64"),
    load: (bytes: Uint8Array): Promise<Plain> => ask({ load: Buffer.from(bytes).toString("base64") }),
  };
}

const VALUES: Plain[] = [
  null,
  true,
  false,
  0,
  1,
  -1,
  255,
  256,
  65_535,
  65_536,
  -129,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31),
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
  0.5,
  -1e-300,
  1e300,
  1790000000.25,
  "",
  "a",
  "näyte nr 5 | käsittely",
  "𝄞 and \u0000 and \n and ' and \" and \\ and \\u0041",
  "x".repeat(300),
  "y".repeat(70_000),
  [],
  {},
  [[], {}, [[]]],
  { "": 1, __proto__x: 2, constructor: null, "a b": [] },
  { a: { b: { c: [1, "two", 3.5, null, true, { d: [] }] } } },
  Array.from({ length: 3000 }, (_, n) => n),
  Object.fromEntries(Array.from({ length: 3000 }, (_, n) => [`key-${n}`, { n, text: `${n}` }])),
];

/** The same values each time (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function anything(next: () => number, depth = 0): Plain {
  const kind = Math.floor(next() * (depth > 4 ? 5 : 7));
  const many = (): number[] => Array.from({ length: Math.floor(next() * 6) }, () => 0);
  if (kind === 0) return [null, true, false][Math.floor(next() * 3)] as Plain;
  if (kind === 1) return Math.floor((next() - 0.5) * 2 ** Math.floor(next() * 53));
  if (kind === 2) return (next() - 0.5) * 10 ** Math.floor(next() * 30 - 20);
  if (kind <= 4)
    return many()
      .map(() => String.fromCodePoint([33, 0xe4, 0x20ac, 0x1f40d][Math.floor(next() * 4)] as number))
      .join("");
  if (kind === 5) return many().map(() => anything(next, depth + 1));
  return Object.fromEntries(many().map((_zero, n) => [`k${n}${next()}`, anything(next, depth + 1)]));
}

describe.skipIf(!python)("pickles and real CPython", () => {
  test.each([0, 1, 2, 3, 4, 5])("what pickle.dumps writes in protocol %i is read", async (protocol) => {
    const { dump } = startPython();
    for (const value of VALUES) expect(readPickle(await dump(value, protocol), "test")).toEqual(value);
    const next = random(protocol);
    for (let n = 0; n < 200; n++) {
      const value = anything(next);
      expect(readPickle(await dump(value, protocol), "test")).toEqual(value);
    }
  });

  test("what is written here pickle.loads reads", async () => {
    const { load } = startPython();
    const next = random(99);
    for (const value of [...VALUES, ...Array.from({ length: 300 }, () => anything(next))]) {
      const bytes = encode(value, "pickle");
      expect(await load(bytes)).toEqual(value);
      expect(decode(bytes, "test")).toEqual(value);
    }
  });
});
