/** Compiles a pattern of Python's `re` to a program that is run in linear time. @module */
import { readSet, type SetMode } from "./python_char_set.ts";

/** One instruction. */
export type PatternStep =
  | { op: "char"; test: (codePoint: number) => boolean }
  /** Goes on at `first`, and if that fails at `second`; `id` is the split's number. */
  | { op: "split"; first: number; second: number; id: number }
  | { op: "jump"; to: number }
  /** Keeps the place in the text as the bound `slot` of a group. */
  | { op: "save"; slot: number }
  | { op: "assert"; holds: (text: string, at: number) => boolean }
  | { op: "match" };

/** A program, the number of its splits, and that of its groups. */
export interface PatternProgram {
  code: readonly PatternStep[];
  splits: number;
  groups: number;
}

/** The most instructions; only repetitions with large counts need more. */
const MAX_CODE = 1 << 14;

/** Compiles a pattern. Throws a SyntaxError for one that is broken or not supported. */
export function compilePattern(source: string): PatternProgram {
  const compiler = new PatternCompiler(source);
  compiler.compile();
  return { code: compiler.code, splits: compiler.splits, groups: compiler.groups };
}

interface Mode extends SetMode {
  dotAll: boolean;
  multiline: boolean;
}

class PatternCompiler {
  readonly code: PatternStep[] = [];
  splits = 0;
  groups = 0;
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  compile(): void {
    const [flags = "", letters = ""] = /^\(\?([a-zA-Z]+)\)/.exec(this.#source) ?? [];
    this.#at = flags.length;
    const mode = withFlags({ ignoreCase: false, dotAll: false, multiline: false, ascii: false }, letters);
    this.#emit({ op: "save", slot: 0 });
    this.#alternatives(mode);
    if (this.#at < this.#source.length) throw new SyntaxError("it has an unmatched closing bracket");
    this.#emit({ op: "save", slot: 1 });
    this.#emit({ op: "match" });
  }

  #emit(step: PatternStep): number {
    if (this.code.length >= MAX_CODE) throw new SyntaxError("its repetitions are too large");
    return this.code.push(step) - 1;
  }

  #split(): number {
    return this.#emit({ op: "split", first: 0, second: 0, id: this.splits++ });
  }

  #patch(at: number, targets: { first: number; second: number }): void {
    const step = this.code[at]!;
    if (step.op === "split") this.code[at] = { ...step, ...targets };
  }

  /** Compiles alternatives up to a closing bracket or the end. Returns whether they can match the empty text. */
  #alternatives(mode: Mode): boolean {
    const ends: number[] = [];
    let isEmpty = false;
    for (;;) {
      const split = this.#split();
      if (this.#sequence(mode)) isEmpty = true;
      if (this.#source[this.#at] !== "|") {
        this.code[split] = { op: "jump", to: split + 1 };
        break;
      }
      this.#at++;
      ends.push(this.#emit({ op: "jump", to: 0 }));
      this.#patch(split, { first: split + 1, second: this.code.length });
    }
    for (const end of ends) this.code[end] = { op: "jump", to: this.code.length };
    return isEmpty;
  }

  #sequence(mode: Mode): boolean {
    let isEmpty = true;
    while (this.#at < this.#source.length && !"|)".includes(this.#source[this.#at]!)) {
      const from = this.#at;
      const start = { code: this.code.length, splits: this.splits, groups: this.groups };
      const mayBeEmpty = this.#term(mode);
      const end = this.#at;
      const quantifier = readQuantifier(this.#source.slice(end, end + 40));
      if (quantifier === null) {
        isEmpty &&= mayBeEmpty;
        continue;
      }
      const { min, max, isLazy, length } = quantifier;
      // Which round a group keeps would then depend on more than the place in the text.
      if (mayBeEmpty && max > 1) throw new SyntaxError("it repeats what may be empty, which is not supported");
      const groups = this.groups;
      this.code.length = start.code;
      this.splits = start.splits;
      // The term is compiled again for each repetition, with the same numbers of its groups.
      const term = (): void => {
        this.groups = start.groups;
        this.#at = from;
        this.#term(mode);
      };
      this.#repeat(term, { min, max, isLazy });
      this.groups = groups;
      this.#at = end + length;
      isEmpty &&= mayBeEmpty || min === 0;
    }
    return isEmpty;
  }

  #repeat(term: () => void, { min, max, isLazy }: { min: number; max: number; isLazy: boolean }): void {
    const to = (split: number, inside: number, outside: number): void =>
      this.#patch(split, isLazy ? { first: outside, second: inside } : { first: inside, second: outside });
    for (let i = 0; i < min; i++) term();
    if (max === Infinity) {
      const split = this.#split();
      term();
      this.#emit({ op: "jump", to: split });
      to(split, split + 1, this.code.length);
      return;
    }
    const splits: number[] = [];
    for (let i = min; i < max; i++) {
      splits.push(this.#split());
      term();
    }
    for (const split of splits) to(split, split + 1, this.code.length);
  }

  /** Compiles one term, without its quantifier. Returns whether it can match the empty text. */
  #term(mode: Mode): boolean {
    const char = this.#source[this.#at]!;
    if (char === "(") return this.#group(mode);
    const [anchor] = /^(?:[$^]|\\[AZbB])/.exec(this.#source.slice(this.#at, this.#at + 2)) ?? [];
    if (anchor !== undefined) {
      this.#at += anchor.length;
      this.#emit({ op: "assert", holds: assertion(anchor, mode) });
      return true;
    }
    if (/[*+?]/.test(char)) throw new SyntaxError(`there is nothing to repeat before ${char}`);
    if (char === ".") {
      this.#at++;
      this.#emit({ op: "char", test: mode.dotAll ? () => true : (code) => code !== 10 });
      return false;
    }
    const { test, end } = readSet(this.#source, this.#at, mode);
    this.#at = end;
    this.#emit({ op: "char", test });
    return false;
  }

  #group(mode: Mode): boolean {
    const [opening, name, on, off] = GROUP.exec(this.#source.slice(this.#at))!;
    if (opening === "(?") {
      throw new SyntaxError(`it holds ${this.#source.slice(this.#at, this.#at + 4)}, which is not supported`);
    }
    this.#at += opening.length;
    const isCapturing = opening === "(" || name !== undefined;
    const group = isCapturing ? ++this.groups : 0;
    if (isCapturing) this.#emit({ op: "save", slot: 2 * group });
    const isEmpty = this.#alternatives(withFlags(withFlags(mode, on ?? ""), off ?? "", false));
    if (this.#source[this.#at] !== ")") throw new SyntaxError("a group has no end");
    this.#at++;
    if (isCapturing) this.#emit({ op: "save", slot: 2 * group + 1 });
    return isEmpty;
  }
}

/** The opening of a group: a name, or flags. Of all else it matches only `(?`. */
const GROUP = /^\((?:\?(?:P<([A-Za-z_]\w*)>|([aims]*)(?:-([ims]+))?:|))?/;

function withFlags(mode: Mode, letters: string, isOn = true): Mode {
  const changed = { ...mode };
  for (const letter of letters) {
    if (letter === "i") changed.ignoreCase = isOn;
    else if (letter === "s") changed.dotAll = isOn;
    else if (letter === "m") changed.multiline = isOn;
    else if (letter === "a") changed.ascii = isOn;
    else if (letter !== "u") throw new SyntaxError(`it has the flag ${letter}, which is not supported`);
  }
  return changed;
}

interface Quantifier {
  min: number;
  max: number;
  isLazy: boolean;
  length: number;
}

/** The quantifier that a text begins with; null if it begins with none, as `{` may be a character. */
function readQuantifier(text: string): Quantifier | null {
  const [all, symbol, least, comma, most, sign] = /^(?:([*+?])|\{(\d*)(,?)(\d*)\})([?+]?)/.exec(text) ?? [];
  if (all === undefined || (symbol === undefined && least === "" && most === "" && comma === "")) return null;
  if (sign === "+" || /^[*+?]|^\{\d*,?\d*\}/.test(text.slice(all.length))) {
    throw new SyntaxError(`it holds ${text.slice(0, all.length + 1)}, which is not supported`);
  }
  const min = symbol === undefined ? Number(least || 0) : symbol === "+" ? 1 : 0;
  const max = symbol === "?" ? 1 : symbol || (comma && most === "") ? Infinity : Number(comma ? most : least);
  if (max < min) throw new SyntaxError(`it holds ${all}, whose numbers are out of order`);
  return { min, max, isLazy: sign === "?", length: all.length };
}

function assertion(anchor: string, { multiline, ascii }: Mode): (text: string, at: number) => boolean {
  const atEnd = (text: string, at: number): boolean => at === text.length;
  switch (anchor) {
    case "^":
      return multiline ? (text, at) => at === 0 || text[at - 1] === "\n" : (_, at) => at === 0;
    case "$":
      return multiline
        ? (text, at) => atEnd(text, at) || text[at] === "\n"
        : (text, at) => atEnd(text, at) || (text[at] === "\n" && atEnd(text, at + 1));
    case "\\A":
      return (_, at) => at === 0;
    case "\\Z":
      return atEnd;
  }
  const isWord = ascii ? /\w/ : /[\p{L}\p{N}_]/u;
  const wordAt = (text: string, at: number): boolean =>
    at < text.length && isWord.test(String.fromCodePoint(text.codePointAt(at)!));
  const wordBefore = (text: string, at: number): boolean => {
    if (at === 0) return false;
    const low = text.charCodeAt(at - 1);
    return wordAt(text, low >= 0xdc00 && low <= 0xdfff ? at - 2 : at - 1);
  };
  const wanted = anchor === "\\b";
  // In Python before 3.14 an empty text has no place that \B matches.
  return (text, at) =>
    wanted ? wordBefore(text, at) !== wordAt(text, at) : text !== "" && wordBefore(text, at) === wordAt(text, at);
}
