/**
 * Reads what matches one character in a pattern of Oniguruma's Ruby syntax: literals, escapes, properties, classes.
 *
 * @module
 */

/** A character's test, and where the pattern goes on. */
export interface Atom {
  test: (codePoint: number) => boolean;
  end: number;
}

/** White space, digits, letters of words and hexadecimal digits, as inner parts of a JavaScript class. */
const SHORT: Readonly<Record<string, string>> = {
  s: "\\p{White_Space}",
  d: "\\p{Nd}",
  w: "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}",
  h: "0-9a-fA-F",
};

/** What Oniguruma takes for letters of words too, but not within a class: ² ³ ¹ ¼ ½ ¾. */
const MORE_LETTERS = "\\u00b2\\u00b3\\u00b9\\u00bc-\\u00be";

const POSIX: Readonly<Record<string, string>> = {
  alpha: "\\p{Alphabetic}",
  alnum: "\\p{Alphabetic}\\p{Nd}",
  digit: SHORT.d!,
  punct: "\\p{P}\\p{S}",
  space: SHORT.s!,
  word: SHORT.w!,
};

const CATEGORY = /^(?:L[ultmo]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?)$/;
/** Names of categories and scripts, by Oniguruma's spelling: it ignores case, spaces, `-` and `_`. */
const NAMES: Readonly<Record<string, string>> = {
  any: "\\u{0}-\\u{10ffff}",
  ascii: "\\u{0}-\\u{7f}",
  letter: "\\p{L}",
  mark: "\\p{M}",
  number: "\\p{N}",
  punctuation: "\\p{P}",
  symbol: "\\p{S}",
  alpha: POSIX.alpha!,
  alnum: POSIX.alnum!,
  space: SHORT.s!,
  word: SHORT.w!,
  ...Object.fromEntries(
    ["Arabic", "Armenian", "Bengali", "Cyrillic", "Devanagari", "Ethiopic", "Georgian", "Greek", "Hangul", "Han"]
      .concat("Hebrew", "Hiragana", "Katakana", "Khmer", "Lao", "Latin", "Myanmar", "Tamil", "Telugu", "Thai")
      .map((script) => [script.toLowerCase(), `\\p{Script=${script}}`]),
  ),
};

const CONTROL: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, a: 7, e: 27, 0: 0 };

/** Two characters that together are the folded form of one, such as ß: Oniguruma matches that one too. */
const FOLDED_PAIRS = /ss|st|ff|fi|fl/i;

/** Throws a SyntaxError for literals that mean more than their characters where case is ignored. */
export function checkFolding(literals: string): void {
  if (FOLDED_PAIRS.test(literals)) throw new SyntaxError(`it ignores the case of ${literals}, which is not supported`);
}

/** A parsed member: what stands in a JavaScript class, and its character if it is a single one. */
interface Member {
  inner: string;
  code?: number;
  negated?: boolean;
  end: number;
}

const tests = new Map<string, (codePoint: number) => boolean>();

/**
 * Reads the atom at `at`, where case may be ignored (`i`) and `.` match a newline (`m`). Throws a SyntaxError for what
 * is not supported. A literal's character is returned too.
 */
export function readAtom(
  source: string,
  { at, ignoreCase, dotAll }: { at: number; ignoreCase: boolean; dotAll: boolean },
): Atom & { code?: number } {
  const char = source[at]!;
  if (char === ".") {
    return { test: dotAll ? () => true : (code) => code !== 10, end: at + 1 };
  }
  if (char === "[") {
    const { inner, end } = readClass(source, { at, ignoreCase });
    return { test: testOf(inner, ignoreCase), end };
  }
  const { inner, code, negated, end } = readMember(source, { at, ignoreCase, inClass: false });
  if (code !== undefined && !ignoreCase) return { test: (codePoint) => codePoint === code, end, code };
  return { test: testOf(`[${negated ? "^" : ""}${inner}]`, ignoreCase), end, ...(code !== undefined && { code }) };
}

/** Reads a class, with classes in it; the result is a JavaScript class of the flag v. */
function readClass(source: string, { at, ignoreCase }: { at: number; ignoreCase: boolean }): Member {
  let from = at + 1;
  const negated = source[from] === "^";
  if (negated) from++;
  let inner = "";
  // The sides of intersections.
  let before = "";
  for (;;) {
    const char = source[from];
    if (char === undefined) throw new SyntaxError("a class has no end");
    if (char === "]" && inner !== "") {
      const members = before === "" ? inner : `${before}[${inner}]`;
      return { inner: `[${negated ? "^" : ""}${members}]`, end: from + 1 };
    }
    if (char === "]") throw unsupported(source.slice(at, from + 1));
    if (source.startsWith("&&", from)) {
      if (inner === "") throw unsupported(source.slice(at, from + 2));
      before += `[${inner}]&&`;
      inner = "";
      from += 2;
      continue;
    }
    const posix = /^\[:(\^?)(\w+):\]/.exec(source.slice(from, from + 20));
    if (posix) {
      const members = POSIX[posix[2]!];
      if (members === undefined) throw unsupported(posix[0]);
      inner += `[${posix[1]}${members}]`;
      from += posix[0].length;
    } else if (char === "[") {
      const nested = readClass(source, { at: from, ignoreCase });
      inner += nested.inner;
      from = nested.end;
    } else {
      const member = readMember(source, { at: from, ignoreCase, inClass: true });
      from = member.end;
      const isRange = source[from] === "-" && source[from + 1] !== "]" && source[from + 1] !== undefined;
      if (!isRange || member.code === undefined) {
        inner += member.negated ? `[^${member.inner}]` : member.inner;
        continue;
      }
      if (char === "-" || source[from + 1] === "[") throw unsupported(source.slice(at, from + 2));
      const last = readMember(source, { at: from + 1, ignoreCase, inClass: true });
      if (last.code === undefined || last.code < member.code) throw unsupported(source.slice(at, last.end));
      inner += `${member.inner}-${last.inner}`;
      from = last.end;
    }
  }
}

function readMember(
  source: string,
  { at, ignoreCase, inClass }: { at: number; ignoreCase: boolean; inClass: boolean },
): Member {
  const literal = (code: number, end: number): Member => {
    if (ignoreCase && code > 0x7f) throw unsupported(`a case of ${String.fromCodePoint(code)} that is ignored`);
    return { inner: `\\u{${code.toString(16)}}`, code, end };
  };
  const code = source.codePointAt(at)!;
  if (code !== 0x5c) return literal(code, at + (code > 0xffff ? 2 : 1));
  const next = source[at + 1];
  if (next === undefined) throw new SyntaxError("it ends with a backslash");
  const hex = /^\\(?:x\{([\da-fA-F]{1,6})\}|x([0-7][\da-fA-F])|u([\da-fA-F]{4}))/.exec(source.slice(at, at + 12));
  if (hex) {
    const value = parseInt((hex[1] ?? hex[2] ?? hex[3])!, 16);
    if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) throw unsupported(hex[0]);
    return literal(value, at + hex[0].length);
  }
  const property = /^\\([pP])\{(\^?)([\w -]+)\}/.exec(source.slice(at, at + 40));
  if (property) {
    const [text, kind, hat, name] = property as unknown as [string, string, string, string];
    const inner = propertyOf(name);
    if (inner === undefined || (ignoreCase && /^\\p\{L[ult]/.test(inner))) throw unsupported(text);
    return { inner, negated: (kind === "P") !== (hat === "^"), end: at + text.length };
  }
  const short = SHORT[next.toLowerCase()];
  if (short !== undefined) {
    const inner = /w/i.test(next) && !inClass ? short + MORE_LETTERS : short;
    return { inner, negated: next !== next.toLowerCase(), end: at + 2 };
  }
  if (inClass && next === "b") return literal(8, at + 2);
  const control = CONTROL[next];
  if (control !== undefined && !(next === "0" && /\d/.test(source[at + 2] ?? ""))) return literal(control, at + 2);
  if (/[\w\u0080-\uffff]/.test(next) && next !== "_") throw unsupported(source.slice(at, at + 2));
  return literal(next.charCodeAt(0), at + 2);
}

function propertyOf(name: string): string | undefined {
  const plain = name.replace(/[\s_-]/g, "").toLowerCase();
  const category = plain.slice(0, 1).toUpperCase() + plain.slice(1);
  return CATEGORY.test(category) ? `\\p{${category}}` : Object.hasOwn(NAMES, plain) ? NAMES[plain] : undefined;
}

function unsupported(text: string): SyntaxError {
  return new SyntaxError(`it holds ${text}, which is not supported`);
}

/** The test of a JavaScript class. Its answer for a character of the first plane is kept in a table. */
function testOf(source: string, ignoreCase: boolean): (codePoint: number) => boolean {
  const key = `${ignoreCase} ${source}`;
  const there = tests.get(key);
  if (there) return there;
  const pattern = new RegExp(source, ignoreCase ? "vi" : "v");
  const known = new Uint8Array(1 << 16);
  const ask = (codePoint: number): boolean => pattern.test(String.fromCodePoint(codePoint));
  const test = (codePoint: number): boolean => {
    if (codePoint >= known.length) return ask(codePoint);
    const answer = known[codePoint]!;
    if (answer !== 0) return answer === 1;
    return (known[codePoint] = ask(codePoint) ? 1 : 2) === 1;
  };
  if (tests.size < MAX_TESTS) tests.set(key, test);
  return test;
}

/** The most tests that are kept for other patterns; each has a table of 64 KB. */
const MAX_TESTS = 256;
