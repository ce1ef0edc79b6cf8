import { expect, test } from "vitest";

import { plain } from "#shared/plain.ts";

import { restOf } from "../../cli/terminal.ts";
import { duration, wrap } from "../../cli/words.ts";

test("what others wrote steers no terminal, and stays on its line", () => {
  const text = "a\u001b[2Jb\nc\td\u009b1me\u2028f\u202eg\u2069 ä אב 🚢";
  expect(plain(text)).toBe(String.raw`a\u001b[2Jb\nc\td\u009b1me\u2028f\u202eg\u2069 ä אב 🚢`);
});

test("reasons and remedies of several lines stand below each other", () => {
  expect(restOf({ what: "w", why: "one\ntwo", next: "type this" })).toEqual([
    "  why:  one",
    "        two",
    "  next: type this",
  ]);
});

test.each([
  [0, "0 ms"],
  [-5, "0 ms"],
  [999, "999 ms"],
  [59_999, "59 s"],
  [60_000, "1 min"],
  [3_600_000, "1 h"],
  [47 * 3_600_000, "47 h"],
  [48 * 3_600_000, "2 days"],
])("%d ms is %s", (ms, words) => {
  expect(duration(ms)).toBe(words);
});

test("lines are as long as they may be, and a word that is longer stays whole", () => {
  expect(wrap("one two three four-is-too-long", 8, "  ")).toBe("one two\n  three\n  four-is-too-long");
});
