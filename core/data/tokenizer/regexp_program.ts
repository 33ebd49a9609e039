/** Compiles a pattern in Oniguruma's Ruby syntax, as Rust's library reads it. @module */
import { checkFolding, readAtom } from "./regexp_atoms.ts";

/** One instruction. */
export type Instruction =
  | { op: "char"; test: (codePoint: number) => boolean }
  /** Takes as many characters as it can, from `min` to `max`, and gives none back. */
  | { op: "run"; test: (codePoint: number) => boolean; min: number; max: number }
  /** Goes on at `first`, and if that fails at `second`; `id` is the split's number. */
  | { op: "split"; first: number; second: number; id: number }
  | { op: "jump"; to: number }
  /** Goes on at `next` if the program from `start` matches here (`wanted`), or does not match (not `wanted`). */
  | { op: "look"; start: number; wanted: boolean; next: number }
  | { op: "assert"; holds: (text: string, at: number) => boolean }
  | { op: "match" };

/** A program, which begins at its first instruction, and the number of its splits. */
export interface Program {
  code: readonly Instruction[];
  splits: number;
}

/** The most instructions; only bounded repetitions with large counts need more. */
const MAX_CODE = 1 << 14;

/** Compiles a pattern. Throws a SyntaxError for one that is broken, or holds what is not supported. */
export function compileProgram(source: string): Program {
  const compiler = new Compiler(source);
  compiler.pattern();
  compiler.emit({ op: "match" });
  return { code: compiler.code, splits: compiler.splits };
}

/** Whether case is ignored and `.` matches a newline. */
interface Mode {
  ignoreCase: boolean;
  dotAll: boolean;
}

class Compiler {
  readonly code: Instruction[] = [];
  splits = 0;
  readonly #source: string;
  #at = 0;
  /** The literals before this place whose case is ignored. */
  #literals = "";

  constructor(source: string) {
    this.#source = source;
  }

  emit(instruction: Instruction): number {
    if (this.code.length >= MAX_CODE) throw new SyntaxError("its repetitions are too large");
    return this.code.push(instruction) - 1;
  }

  pattern(): void {
    // Elsewhere these would hold to the end of the group, over its alternatives.
    const [options, on = "", off = ""] = /^\(\?([im]*)(?:-([im]*))?\)/.exec(this.#source) ?? [""];
    this.#at = options.length;
    this.#alternatives(changed({ ignoreCase: false, dotAll: false }, on, off));
    if (this.#at < this.#source.length) throw new SyntaxError("it has an unmatched closing bracket");
  }

  /** Compiles alternatives up to a closing bracket or the end. Returns whether they can match the empty text. */
  #alternatives(mode: Mode): boolean {
    const ends: number[] = [];
    let empty = false;
    for (;;) {
      const split = this.#split();
      this.#literals = "";
      if (this.#sequence(mode)) empty = true;
      this.#literals = "";
      if (this.#peek() !== "|") {
        // The last alternative needs no split.
        this.code[split] = { op: "jump", to: split + 1 };
        break;
      }
      this.#at++;
      ends.push(this.emit({ op: "jump", to: 0 }));
      this.#patch(split, { first: split + 1, second: this.code.length });
    }
    for (const end of ends) this.code[end] = { op: "jump", to: this.code.length };
    return empty;
  }

  #sequence(mode: Mode): boolean {
    let empty = true;
    while (this.#at < this.#source.length && this.#peek() !== "|" && this.#peek() !== ")") {
      const from = this.#at;
      const start = this.code.length;
      const splits = this.splits;
      const mayBeEmpty = this.#term(mode);
      const end = this.#at;
      const quantifier = readQuantifier(this.#source.slice(end, end + 40));
      if (quantifier === null) {
        empty &&= mayBeEmpty;
        continue;
      }
      this.#literals = "";
      // A choice would then depend not only on its place, but also on where the repetition began.
      if (mayBeEmpty) throw new SyntaxError("it repeats what may be empty, which is not supported");
      const { min, max, kind, length } = quantifier;
      const char = this.code[start]!;
      if (kind === "possessive") {
        if (char.op !== "char" || this.code.length !== start + 1) {
          throw new SyntaxError("it holds a possessive repetition of a group, which is not supported");
        }
        this.code[start] = { op: "run", test: char.test, min, max };
      } else {
        // The term is compiled again for each repetition.
        this.code.length = start;
        this.splits = splits;
        const term = (): void => {
          this.#at = from;
          this.#term(mode);
        };
        this.#repeat(term, { min, max, lazy: kind === "lazy" });
      }
      this.#at = end + length;
      this.#literals = "";
      if (min > 0) empty = false;
    }
    return empty;
  }

  #repeat(term: () => void, { min, max, lazy }: { min: number; max: number; lazy: boolean }): void {
    const to = (split: number, inside: number, outside: number): void =>
      this.#patch(split, lazy ? { first: outside, second: inside } : { first: inside, second: outside });
    for (let i = 0; i < min; i++) term();
    if (max === Infinity) {
      const split = this.#split();
      term();
      this.emit({ op: "jump", to: split });
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
    const char = this.#peek()!;
    if (char === "(") return this.#group(mode);
    const [anchor] = /^(?:[$^]|\\[AzZbB])/.exec(this.#source.slice(this.#at, this.#at + 2)) ?? [];
    if (anchor !== undefined) {
      this.#at += anchor.length;
      this.emit({ op: "assert", holds: ASSERTIONS[anchor]! });
      return true;
    }
    if (/[*+?]/.test(char)) throw new SyntaxError(`there is nothing to repeat before ${char}`);
    const { test, end, code } = readAtom(this.#source, { at: this.#at, ...mode });
    if (mode.ignoreCase) {
      this.#literals = code === undefined ? "" : this.#literals + String.fromCodePoint(code);
      checkFolding(this.#literals);
    }
    this.#at = end;
    this.emit({ op: "char", test });
    return false;
  }

  #group(mode: Mode): boolean {
    if (/^\(\?<[=!]/.test(this.#source.slice(this.#at, this.#at + 4))) return this.#lookBehind(mode);
    const [opening, look, on = "", off = ""] = GROUP.exec(this.#source.slice(this.#at))!;
    if (opening === "(?") {
      const text = this.#source.slice(this.#at, this.#at + 4);
      throw new SyntaxError(`it holds a group ${text}, which is not supported`);
    }
    this.#at += opening.length;
    const literals = this.#literals;
    let empty = true;
    if (look === undefined) {
      if (mode.ignoreCase && literals !== "") throw new SyntaxError("it ignores case around a group");
      empty = this.#alternatives(changed(mode, on, off));
    } else {
      const at = this.emit({ op: "jump", to: 0 });
      this.#alternatives(mode);
      this.emit({ op: "match" });
      this.code[at] = { op: "look", start: at + 1, wanted: look === "=", next: this.code.length };
    }
    if (this.#peek() !== ")") throw new SyntaxError("a group has no end");
    this.#at++;
    return empty;
  }

  /** A look at the character before this place; all of its possible characters are one atom. */
  #lookBehind(mode: Mode): boolean {
    const wanted = this.#source[this.#at + 3] === "=";
    const from = this.#at + 4;
    const isAtom = from < this.#source.length && !/[()|^$]/.test(this.#source[from]!) &&
      !/^\\[AzZbB]/.test(this.#source.slice(from, from + 2));
    const { test, end } = isAtom ? readAtom(this.#source, { at: from, ...mode }) : { test: () => false, end: from };
    if (this.#source[end] !== ")" || !isAtom || mode.ignoreCase) {
      throw new SyntaxError("it looks behind for more than a character, which is not supported");
    }
    this.#at = end + 1;
    this.emit({ op: "assert", holds: (text, at) => charBefore(text, at, test) === wanted });
    return true;
  }

  #split(): number {
    return this.emit({ op: "split", first: 0, second: 0, id: this.splits++ });
  }

  #patch(at: number, targets: { first: number; second: number }): void {
    const split = this.code[at]!;
    if (split.op === "split") this.code[at] = { ...split, ...targets };
  }

  #peek(): string | undefined {
    return this.#source[this.#at];
  }
}

/** The opening of a group: a lookahead, a name, or letters of modes. Of all else it matches only `(?`. */
const GROUP = /^\((?:\?(?:([=!])|<(?![=!])\w+>|([im]*)(?:-([im]*))?:|))?/;

function changed({ ignoreCase, dotAll }: Mode, on: string, off: string): Mode {
  return {
    ignoreCase: (ignoreCase || on.includes("i")) && !off.includes("i"),
    dotAll: (dotAll || on.includes("m")) && !off.includes("m"),
  };
}

interface Quantifier {
  min: number;
  max: number;
  kind: "greedy" | "lazy" | "possessive";
  length: number;
}

/** The quantifier that a text begins with; null if it begins with none, as `{` may be a character. */
function readQuantifier(text: string): Quantifier | null {
  const [all, symbol, least, comma, most, sign] = /^(?:([*+?])|\{(\d*)(,?)(\d*)\})([?+]?)/.exec(text) ?? [];
  if (all === undefined || (symbol === undefined && least === "" && most === "")) return null;
  const after = text.slice(all.length, all.length + 1);
  const isRepeated = /[*+?]/.test(after) || /^\{\d*,?\d*\}/.test(text.slice(all.length));
  // Ruby reads `{2}?` as an optional group, and `{1,2}+` as a repeated one.
  if (isRepeated || (symbol === undefined && (sign === "+" || (sign === "?" && comma === "")))) {
    throw new SyntaxError(`it holds ${all}, which is not supported`);
  }
  const min = symbol === undefined ? Number(least || 0) : symbol === "+" ? 1 : 0;
  const max = symbol === "?" ? 1 : symbol || (comma && most === "") ? Infinity : Number(comma ? most : least);
  if (max < min) throw new SyntaxError(`it holds ${all}, whose numbers are out of order`);
  const kind = sign === "?" ? "lazy" : sign === "+" ? "possessive" : "greedy";
  return { min, max, kind, length: all.length };
}

/** Lines end before `\n` only, and none begins after the last one. */
const ASSERTIONS: Readonly<Record<string, (text: string, at: number) => boolean>> = {
  "^": (text, at) => at === 0 || (text[at - 1] === "\n" && at < text.length),
  "$": (text, at) => at === text.length || text[at] === "\n",
  "\\A": (_, at) => at === 0,
  "\\z": (text, at) => at === text.length,
  "\\Z": (text, at) => at === text.length || (text[at] === "\n" && at + 1 === text.length),
  "\\b": (text, at) => isWordBefore(text, at) !== isWordAt(text, at),
  "\\B": (text, at) => isWordBefore(text, at) === isWordAt(text, at),
};

const { test: isWordChar } = readAtom("\\w", { at: 0, ignoreCase: false, dotAll: false });

function isWordAt(text: string, at: number): boolean {
  return at < text.length && isWordChar(text.codePointAt(at)!);
}

function isWordBefore(text: string, at: number): boolean {
  return charBefore(text, at, isWordChar);
}

function charBefore(text: string, at: number, test: (codePoint: number) => boolean): boolean {
  if (at === 0) return false;
  const low = text.charCodeAt(at - 1);
  return test(low >= 0xdc00 && low <= 0xdfff ? text.codePointAt(at - 2)! : low);
}
