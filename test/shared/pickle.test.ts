import { expect, test } from "vitest";

import { codeOf } from "#shared/errors.ts";
import { setFlag } from "#shared/jobs/flags.ts";
import { rewrite } from "#shared/jobs/object.ts";
import { decode, encode, encodingOf } from "#shared/objects/codec.ts";
import { readPickle } from "#shared/objects/pickle.ts";

import { deps } from "../functions/deps.ts";

const pickle = (text: string): Buffer => Buffer.from(text, "latin1");
const read = (text: string) => readPickle(pickle(text), "JOBS/1");

/** Shapes of published exploits, and what each is refused for. */
const HOSTILE: [string, string, RegExp][] = [
  ["os.system, protocol 0", "cos\nsystem\n(S'id'\ntR.", /GLOBAL for os\.system/],
  [
    "subprocess, protocol 2",
    "\x80\x02csubprocess\nPopen\nq\x00U\x02idq\x01\x85q\x02Rq\x03.",
    /GLOBAL for subprocess\.Popen/,
  ],
  ["eval by name, protocol 4", "\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.", /STACK_GLOBAL/],
  ["INST", "(S'id'\nios\nsystem\n.", /INST for os\.system/],
  ["OBJ", "(I1\nI2\no.", /OBJ/],
  ["NEWOBJ", "))\x81.", /NEWOBJ/],
  ["NEWOBJ_EX", ")))\x92.", /NEWOBJ_EX/],
  ["BUILD", "}}b.", /BUILD/],
  ["REDUCE", "))R.", /REDUCE/],
  ["EXT1", "\x82\x01.", /EXT1/],
  ["EXT4", "\x84\x01\x00\x00\x00.", /EXT4/],
  ["a persistent id", "Pfile\n.", /PERSID/],
  ["a persistent id of the stack", "NQ.", /BINPERSID/],
  ["one that is nested", "\x80\x04]\x94(K\x01}\x94\x8c\x01acos\nsystem\ns.", /GLOBAL/],
  ["one after a good value", "\x80\x04N0cos\nsystem\n.", /GLOBAL/],
  ["bytes", "\x80\x03C\x01a.", /SHORT_BINBYTES/],
  ["a set", "\x80\x04\x8f.", /EMPTY_SET/],
  ["an opcode that is none", "\xff.", /unknown opcode 0xff/],
];

test.each(HOSTILE)("%s is refused", (_name, text, says) => {
  const refused = (() => {
    try {
      return read(text);
    } catch (error) {
      return error;
    }
  })();
  expect(codeOf(refused)).toBe("rejected");
  expect(String(refused)).toMatch(says);
  expect(String(refused)).toMatch(/JOBS\/1: .*nothing in it was run/);
});

test.each([
  ["a memo that is not there", "h\x05."],
  ["a pop of nothing", "0."],
  ["a pop below a mark", "N(0."],
  ["a mark that is not there", "e."],
  ["an append to a number", "K\x01K\x02a."],
  ["an item of a list", "](K\x01K\x02u."],
  ["a key that is a list", "}]Ns."],
  ["an odd number of items", "}(K\x01u."],
  ["a length that lies", "X\xff\xff\xff\xff."],
  ["a length of 2 ** 63", "\x8d\xff\xff\xff\xff\xff\xff\xff\x7f."],
  ["an integer that is too long", "\x8b\xff\xff\xff\x00."],
  ["an integer that is none", "Ione\n."],
  ["a number that is none", "Fone\n."],
  ["nothing", ""],
  ["no end", "N"],
])("%s is refused", (_name, text) => {
  expect(() => read(text)).toThrow(/JOBS\/1: the pickle/);
});

const GOOD = encode(
  { name: "näyte", files: { store: [{ source: "a", remove: false }] }, begin: 1.5, id: 300 },
  "pickle",
);

test("truncated anywhere it is refused", () => {
  for (let length = 0; length < GOOD.length; length++) {
    expect(() => readPickle(GOOD.subarray(0, length), "x")).toThrow(/pickle/);
  }
});

test("what holds itself, or is nested without end, is refused", () => {
  expect(() => read("]q\x00h\x00a.")).toThrow(/holds itself/);
  expect(() => read(`${"]".repeat(100_000)}${"a".repeat(99_999)}.`)).toThrow(/nested deeper/);
  expect(() => read("(".repeat(1_000_000))).toThrow(/ends too soon/);
});

test("a memo bomb, which is small and would be huge, is refused", () => {
  // Each list holds the one before ten times: 10 ** 9 nodes out of 200 bytes.
  const levels = Array.from(
    { length: 9 },
    (_, n) => `](${`h${String.fromCharCode(n)}`.repeat(10)}eq${String.fromCharCode(n + 1)}0`,
  );
  const begun = process.threadCpuUsage();
  expect(() => read(`]q\x000${levels.join("")}h\x09.`)).toThrow(/more than 1000000 values/);
  expect(process.threadCpuUsage(begun).user).toBeLessThan(5_000_000);
});

test("100 MB are refused by their size", () => {
  const large = Buffer.alloc(100 * 1024 * 1024, "N");
  large[0] = 0x80;
  expect(() => decode(large, "large")).toThrow(/large is larger than/);
});

test("keys such as __proto__ are keys", () => {
  const value = read("}(X\x09\x00\x00\x00__proto__}X\x01\x00\x00\x00aK\x01su.") as Record<string, unknown>;
  expect(Object.keys(value)).toEqual(["__proto__"]);
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
});

test("numbers that JSON cannot say", () => {
  expect(read("Fnan\n.")).toBeNull();
  expect(read("\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01.")).toBe("18446744073709551616");
});

test("20 000 mutations throw nothing but rejections", () => {
  let state = 1;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return state % below;
  };
  for (let n = 0; n < 20_000; n++) {
    const bytes = Buffer.from(GOOD);
    for (let change = next(6); change >= 0; change--) bytes[next(bytes.length)] = next(256);
    try {
      readPickle(bytes, "x");
    } catch (error) {
      expect(codeOf(error), String(error)).toBe("rejected");
    }
  }
});

test("JSON that is nested without end is refused, and so is what is no JSON", () => {
  expect(() => decode(Buffer.from("[".repeat(5000) + "]".repeat(5000)), "x")).toThrow(/x is nested deeper than 200/);
  expect(() => decode(Buffer.from("{"), "x")).toThrow(/x is not JSON in UTF-8/);
  expect(() => decode(Buffer.from([0x22, 0xff, 0x22]), "x")).toThrow(/x is not JSON in UTF-8/);
});

test("an object is rewritten in the encoding it has, its version grows, its other metadata stay", async () => {
  const { store } = deps();
  await store.createBucket("bucket");
  const options = { contentType: "application/octet-stream", metadata: { version: "3", list: "a,b" } };
  await store.put("bucket", "JOBS/1", encode({ start: false }, "pickle"), options);
  expect(await rewrite(store, "bucket", "JOBS/1", (fields) => ({ ...fields, start: true }))).toBe("written");
  const object = await store.get("bucket", "JOBS/1");
  expect(object).toMatchObject({ contentType: "application/octet-stream", metadata: { version: "4", list: "a,b" } });
  expect(encodingOf(object?.body ?? Buffer.of())).toBe("pickle");
  expect(decode(object?.body ?? Buffer.of(), "x")).toEqual({ start: true });
});

test("a flag set on a pickled job makes its times as their template is", async () => {
  const all = deps();
  await all.store.createBucket("bucket");
  await all.store.put("bucket", "JOBS/1", encode({ start: false, stopped: false }, "pickle"));
  await all.store.put("bucket", "ARTIFACTS/TIMES/time-template", encode({ "begin-start": 0 }, "pickle"));
  expect(await setFlag(all, { bucket: "bucket", key: "1", flag: "start", task: "t" })).toBe("success");
  const times = await all.store.get("bucket", "ARTIFACTS/TIMES/1");
  expect(encodingOf(times?.body ?? Buffer.of())).toBe("pickle");
  expect(decode(times?.body ?? Buffer.of(), "x")).toEqual({ "begin-start": all.clock.now / 1000 });
});
