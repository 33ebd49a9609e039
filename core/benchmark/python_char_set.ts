/** Reads what matches one character in a pattern of Python's `re`: a letter, an escape, a class. @module */
import { SPACE } from "../data/tokenizer/template/python_strings.ts";

/** How characters are compared: without case, and `\w`, `\d`, `\s` of ASCII alone. */
export interface SetMode {
  ignoreCase: boolean;
  ascii: boolean;
}

/** A test of one character, and where the pattern goes on. */
export interface CharSet {
  test: (codePoint: number) => boolean;
  end: number;
}

/** What stands in a JavaScript class for it, and its code point if it is a single character. */
interface Member {
  inner: string;
  code?: number;
  isNegated?: boolean;
  end: number;
}

const SHORT: Readonly<Record<string, string>> = { s: SPACE, d: "\\p{Nd}", w: "\\p{L}\\p{N}_" };
const ASCII: Readonly<Record<string, string>> = { s: " \\t-\\r", d: "0-9", w: "a-zA-Z0-9_" };
const CONTROL: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, a: 7 };

/** Reads the set at `at`. Throws a SyntaxError for what is broken or not supported. */
export function readSet(source: string, at: number, mode: SetMode): CharSet {
  if (source[at] === "[") return readClass(source, at, mode);
  const { inner, code, isNegated, end } = readMember(source, { at, mode, inClass: false });
  if (code !== undefined && !mode.ignoreCase) return { test: (codePoint) => codePoint === code, end };
  return { test: testOf(`[${isNegated ? "^" : ""}${inner}]`, mode), end };
}

function readClass(source: string, at: number, mode: SetMode): CharSet {
  let from = at + 1;
  const isNegated = source[from] === "^";
  if (isNegated) from++;
  const first = from;
  let inner = "";
  for (;;) {
    if (from >= source.length) throw new SyntaxError("a class has no end");
    if (source[from] === "]" && from > first) break;
    const member = readMember(source, { at: from, mode, inClass: true });
    from = member.end;
    const isRange = source[from] === "-" && source[from + 1] !== "]" && from + 1 < source.length;
    if (!isRange) {
      inner += member.isNegated ? `[^${member.inner}]` : member.inner;
      continue;
    }
    const last = readMember(source, { at: from + 1, mode, inClass: true });
    if (member.code === undefined || last.code === undefined || last.code < member.code) {
      throw new SyntaxError(`it holds the range ${source.slice(member.end - 1, last.end)}, which is none`);
    }
    inner += `${member.inner}-${last.inner}`;
    from = last.end;
  }
  return { test: testOf(`[${isNegated ? "^" : ""}${inner}]`, mode), end: from + 1 };
}

function readMember(
  source: string,
  { at, mode, inClass }: { at: number; mode: SetMode; inClass: boolean },
): Member {
  const literal = (code: number, end: number): Member => {
    if (mode.ignoreCase && code > 0x7f) {
      throw new SyntaxError(`it ignores the case of ${String.fromCodePoint(code)}, which is not supported`);
    }
    return { inner: `\\u{${code.toString(16)}}`, code, end };
  };
  const code = source.codePointAt(at)!;
  if (code !== 0x5c) return literal(code, at + (code > 0xffff ? 2 : 1));
  const next = source[at + 1];
  if (next === undefined) throw new SyntaxError("it ends with a backslash");
  const hex = /^\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8}))/.exec(source.slice(at, at + 10));
  if (hex) {
    const value = parseInt((hex[1] ?? hex[2] ?? hex[3])!, 16);
    if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) throw unsupported(hex[0]);
    return literal(value, at + hex[0].length);
  }
  const short = (mode.ascii ? ASCII : SHORT)[next.toLowerCase()];
  if (short !== undefined) return { inner: short, isNegated: next !== next.toLowerCase(), end: at + 2 };
  if (inClass && next === "b") return literal(8, at + 2);
  const control = CONTROL[next];
  if (control !== undefined) return literal(control, at + 2);
  if (/[A-Za-z\d]/.test(next)) throw unsupported(source.slice(at, at + 2));
  const escaped = source.codePointAt(at + 1)!;
  return literal(escaped, at + 1 + (escaped > 0xffff ? 2 : 1));
}

function unsupported(text: string): SyntaxError {
  return new SyntaxError(`it holds ${text}, which is not supported`);
}

/** The test of a JavaScript class; answers for the first characters are kept. */
function testOf(source: string, { ignoreCase }: SetMode): (codePoint: number) => boolean {
  const pattern = new RegExp(source, ignoreCase ? "vi" : "v");
  const known = new Uint8Array(256);
  return (codePoint) => {
    if (codePoint >= known.length) return pattern.test(String.fromCodePoint(codePoint));
    if (known[codePoint] === 0) known[codePoint] = pattern.test(String.fromCodePoint(codePoint)) ? 1 : 2;
    return known[codePoint] === 1;
  };
}
