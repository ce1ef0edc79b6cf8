/**
 * Python pickles as data: protocols 0 to 5, read by a machine that knows the opcodes of plain data and no others. Nothing is
 * imported, called or built, so nothing in a pickle can run (opcodes: CPython `Lib/pickletools.py`).
 */
import { LossiError } from "../errors.ts";

/** What JSON can say as well. */
export type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain };

/** Nodes and depth of what a pickle holds when everything shared is written out. */
const MOST_NODES = 1_000_000;
const DEEPEST = 200;
/** Digits of an integer. */
const LONGEST_INTEGER = 400;

/** Opcodes that would import, call or build something, or need what only Python has. */
const REFUSED: Record<string, string> = {
  c: "GLOBAL",
  "\x93": "STACK_GLOBAL",
  R: "REDUCE",
  i: "INST",
  o: "OBJ",
  "\x81": "NEWOBJ",
  "\x92": "NEWOBJ_EX",
  b: "BUILD",
  "\x82": "EXT1",
  "\x83": "EXT2",
  "\x84": "EXT4",
  P: "PERSID",
  Q: "BINPERSID",
  B: "BINBYTES",
  C: "SHORT_BINBYTES",
  "\x8e": "BINBYTES8",
  "\x96": "BYTEARRAY8",
  "\x97": "NEXT_BUFFER",
  "\x98": "READONLY_BUFFER",
  "\x8f": "EMPTY_SET",
  "\x90": "ADDITEMS",
  "\x91": "FROZENSET",
};

/** A dict while it is filled: keys as Python had them. */
type Value = null | boolean | number | string | Value[] | Map<string, Value>;

/** Reads a pickle. Throws `rejected` for what is none, or holds more than plain data. */
export function readPickle(bytes: Uint8Array, what: string): Plain {
  return new Reader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), what).read();
}

class Reader {
  #bytes: Buffer;
  #what: string;
  #at = 0;
  #stack: Value[] = [];
  /** Where each open mark stands in the stack. */
  #marks: number[] = [];
  #memo = new Map<number, Value>();

  constructor(bytes: Buffer, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  read(): Plain {
    for (;;) {
      const opcode = String.fromCharCode(this.#take(1).readUInt8());
      if (opcode === ".") return this.#finish();
      this.#step(opcode);
    }
  }

  #step(opcode: string): void {
    const act = OPCODES[opcode];
    if (act !== undefined) return act(this);
    const name = REFUSED[opcode];
    if (name === undefined) throw this.#wrong(`has the unknown opcode 0x${opcode.charCodeAt(0).toString(16)}`);
    const global = opcode === "c" || opcode === "i" ? ` for ${this.line()}.${this.line()}` : "";
    throw this.#wrong(`is more than plain data: ${name}${global.slice(0, 100)}`);
  }

  #wrong(why: string): LossiError {
    return new LossiError("rejected", `${this.#what}: the pickle ${why}; nothing in it was run`);
  }

  #take(length: number): Buffer {
    if (length > this.#bytes.length - this.#at) throw this.#wrong("ends too soon");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** An unsigned little-endian number. */
  uint(bytes: 1 | 2 | 4 | 8): number {
    const taken = this.#take(bytes);
    return bytes === 8 ? Number(taken.readBigUInt64LE()) : taken.readUIntLE(0, bytes);
  }

  int(): number {
    return this.#take(4).readInt32LE();
  }

  double(): number {
    return this.#take(8).readDoubleBE();
  }

  text(length: number): string {
    return this.#take(length).toString("utf8");
  }

  skip(length: number): void {
    this.#take(length);
  }

  /** A line of text, as protocol 0 writes its arguments. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw this.#wrong("ends too soon");
    const taken = this.#take(end - this.#at).toString("latin1");
    this.#at += 1;
    return taken;
  }

  /** A decimal; one that a double cannot hold stays text. */
  decimal(text: string): number | string {
    if (!/^[+-]?\d+$/.test(text) || text.length > LONGEST_INTEGER) throw this.#wrong("has an integer that is none");
    const number = Number(text);
    return Number.isSafeInteger(number) ? number : BigInt(text).toString();
  }

  /** A two's complement little-endian integer of any length. */
  long(length: number): number | string {
    if (length > LONGEST_INTEGER / 2) throw this.#wrong("has an integer that is too long");
    const digits = Buffer.from(this.#take(length).toReversed()).toString("hex");
    return this.decimal(BigInt.asIntN(length * 8, BigInt(`0x${digits || "0"}`)).toString());
  }

  float(text: string): number {
    const named: Record<string, number> = { nan: Number.NaN, inf: Infinity, "-inf": -Infinity };
    const value = named[text] ?? (/^[+-]?[\d.]+(e[+-]?\d+)?$/i.test(text) ? Number(text) : null);
    if (value === null) throw this.#wrong("has a number that is none");
    return value;
  }

  quoted(text: string): string {
    const inner = /^(['"])(.*)\1$/s.exec(text)?.[2];
    if (inner === undefined) throw this.#wrong("has a text without quotes");
    return inner.replaceAll(/\\(x[0-9a-f]{2}|[\\'"nrt])/g, (_all, escape: string) => ESCAPES[escape] ?? hex(escape));
  }

  push(value: Value): void {
    this.#stack.push(value);
  }

  pop(): Value {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) throw this.#wrong("takes what is not there");
    return this.#stack.pop() as Value;
  }

  top(): Value {
    const value = this.pop();
    this.push(value);
    return value;
  }

  mark(): void {
    this.#marks.push(this.#stack.length);
  }

  /** Everything above the last mark. */
  popMark(): Value[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw this.#wrong("has no mark where it needs one");
    return this.#stack.splice(mark);
  }

  put(index: number): void {
    this.#memo.set(index, this.top());
  }

  memoize(): void {
    this.put(this.#memo.size);
  }

  get(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.#wrong("refers to what it has not said");
    this.push(value);
  }

  append(values: Value[]): void {
    const list = this.top();
    if (!Array.isArray(list)) throw this.#wrong("appends to what is no list");
    for (const value of values) list.push(value);
  }

  setItems(entries: Value[]): void {
    const dict = this.top();
    if (!(dict instanceof Map) || entries.length % 2 === 1) throw this.#wrong("sets items of what is no dict");
    for (let index = 0; index < entries.length; index += 2)
      dict.set(this.#keyOf(entries[index]), entries[index + 1] as Value);
  }

  /** Keys as JSON writes them. */
  #keyOf(key: Value | undefined): string {
    if (typeof key === "object" && key !== null) throw this.#wrong("has a dict with a key that is no text or number");
    return String(key);
  }

  #finish(): Plain {
    const value = this.pop();
    let nodes = 0;
    const plain = (node: Value, depth: number): Plain => {
      nodes += 1;
      if (nodes > MOST_NODES) throw this.#wrong(`holds more than ${MOST_NODES} values`);
      if (depth > DEEPEST) throw this.#wrong(`is nested deeper than ${DEEPEST}, or holds itself`);
      if (Array.isArray(node)) return node.map((item) => plain(item, depth + 1));
      if (!(node instanceof Map)) return typeof node === "number" && !Number.isFinite(node) ? null : node;
      return Object.fromEntries([...node].map(([key, item]) => [key, plain(item, depth + 1)]));
    };
    return plain(value, 0);
  }
}

const ESCAPES: Record<string, string> = { "\\": "\\", "'": "'", '"': '"', n: "\n", r: "\r", t: "\t" };
const hex = (escape: string): string => String.fromCharCode(Number.parseInt(escape.slice(1), 16));

/** Protocol 0 writes text in latin-1, with `\u` for all else. */
const unescape = (line: string): string =>
  line.replaceAll(/\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g, (all, short?: string, long?: string) => {
    const point = Number.parseInt(short ?? long ?? "", 16);
    return point <= 0x10_ffff ? String.fromCodePoint(point) : all;
  });

const bool = (text: string): boolean | null => (text === "01" ? true : text === "00" ? false : null);

const OPCODES: Record<string, (r: Reader) => void> = {
  "\x80": (r) => r.skip(1),
  "\x95": (r) => r.skip(8),
  "(": (r) => r.mark(),
  "0": (r) => void r.pop(),
  "1": (r) => void r.popMark(),
  "2": (r) => r.push(r.top()),
  N: (r) => r.push(null),
  "\x88": (r) => r.push(true),
  "\x89": (r) => r.push(false),
  I: (r) => {
    const line = r.line();
    r.push(bool(line) ?? r.decimal(line));
  },
  J: (r) => r.push(r.int()),
  K: (r) => r.push(r.uint(1)),
  M: (r) => r.push(r.uint(2)),
  L: (r) => r.push(r.decimal(r.line().replace(/L$/, ""))),
  "\x8a": (r) => r.push(r.long(r.uint(1))),
  "\x8b": (r) => r.push(r.long(r.uint(4))),
  F: (r) => r.push(r.float(r.line())),
  G: (r) => r.push(r.double()),
  S: (r) => r.push(r.quoted(r.line())),
  T: (r) => r.push(r.text(r.uint(4))),
  U: (r) => r.push(r.text(r.uint(1))),
  V: (r) => r.push(unescape(r.line())),
  X: (r) => r.push(r.text(r.uint(4))),
  "\x8c": (r) => r.push(r.text(r.uint(1))),
  "\x8d": (r) => r.push(r.text(r.uint(8))),
  "]": (r) => r.push([]),
  ")": (r) => r.push([]),
  l: (r) => r.push(r.popMark()),
  t: (r) => r.push(r.popMark()),
  "\x85": (r) => r.push([r.pop()]),
  "\x86": (r) => r.push([r.pop(), r.pop()].toReversed()),
  "\x87": (r) => r.push([r.pop(), r.pop(), r.pop()].toReversed()),
  a: (r) => r.append([r.pop()]),
  e: (r) => r.append(r.popMark()),
  "}": (r) => r.push(new Map()),
  d: (r) => {
    const entries = r.popMark();
    r.push(new Map());
    r.setItems(entries);
  },
  s: (r) => r.setItems([r.pop(), r.pop()].toReversed()),
  u: (r) => r.setItems(r.popMark()),
  p: (r) => r.put(Number(r.decimal(r.line()))),
  q: (r) => r.put(r.uint(1)),
  r: (r) => r.put(r.uint(4)),
  g: (r) => r.get(Number(r.decimal(r.line()))),
  h: (r) => r.get(r.uint(1)),
  j: (r) => r.get(r.uint(4)),
  "\x94": (r) => r.memoize(),
};

/** Writes protocol 4, which the programs beside us read. */
export function writePickle(value: Plain): Uint8Array {
  const parts: Buffer[] = [Buffer.from([0x80, 4])];
  const write = (...part: (number | Buffer)[]): void => {
    for (const one of part) parts.push(typeof one === "number" ? Buffer.from([one]) : one);
  };
  const save = (node: Plain): void => {
    if (node === null) write(0x4e);
    else if (typeof node === "boolean") write(node ? 0x88 : 0x89);
    else if (typeof node === "number") write(numberOf(node));
    else if (typeof node === "string") write(stringOf(node));
    else if (Array.isArray(node)) {
      write(0x5d, 0x28);
      node.forEach(save);
      write(0x65);
    } else {
      write(0x7d, 0x28);
      for (const [key, item] of Object.entries(node)) {
        save(key);
        save(item);
      }
      write(0x75);
    }
  };
  save(value);
  write(0x2e);
  return Buffer.concat(parts);
}

function numberOf(number: number): Buffer {
  if (Number.isSafeInteger(number)) {
    const long = Buffer.alloc(10);
    long.set([0x8a, 8]);
    long.writeBigInt64LE(BigInt(number), 2);
    return long;
  }
  const double = Buffer.alloc(9);
  double[0] = 0x47;
  double.writeDoubleBE(number, 1);
  return double;
}

function stringOf(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8");
  const head = Buffer.alloc(5);
  head[0] = 0x58;
  head.writeUInt32LE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}
