/** Compiles a regular expression to a program for the matcher in linear_regexp.ts. @module */

/** One instruction. */
export type Instruction =
  | { op: "char"; test: (codePoint: number) => boolean }
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

/** Compiles a pattern in JavaScript's syntax with the flag u. Throws a SyntaxError for what is not supported. */
export function compileProgram(source: string, flags: string): Program {
  // The engine itself reports what is no pattern at all.
  new RegExp(source, flags);
  const compiler = new Compiler(source);
  compiler.alternatives([..."ims"].filter((flag) => flags.includes(flag)).join(""));
  compiler.emit({ op: "match" });
  return { code: compiler.code, splits: compiler.splits };
}

class Compiler {
  readonly code: Instruction[] = [];
  splits = 0;
  readonly #source: string;
  readonly #atoms = new Map<string, (codePoint: number) => boolean>();
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  emit(instruction: Instruction): number {
    if (this.code.length >= MAX_CODE) throw new SyntaxError("its repetitions are too large");
    return this.code.push(instruction) - 1;
  }

  /**
   * Compiles alternatives up to a closing bracket or the end; `mode` holds those of the flags i, m and s that are on.
   * Returns whether they can match the empty text.
   */
  alternatives(mode: string): boolean {
    const ends: number[] = [];
    let empty = false;
    for (;;) {
      const split = this.#split();
      if (this.#sequence(mode)) empty = true;
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

  #sequence(mode: string): boolean {
    let empty = true;
    while (this.#at < this.#source.length && this.#peek() !== "|" && this.#peek() !== ")") {
      const from = this.#at;
      const start = this.code.length;
      const mayBeEmpty = this.#term(mode);
      const end = this.#at;
      const quantifier = QUANTIFIER.exec(this.#source.slice(end, end + 40));
      if (quantifier === null) {
        empty &&= mayBeEmpty;
        continue;
      }
      // A choice would then depend not only on its place, but also on where the repetition began.
      if (mayBeEmpty) throw new SyntaxError("it repeats what may be empty, which is not supported");
      const [text, symbol, least, comma, most, lazy] = quantifier;
      const min = symbol === undefined ? Number(least) : symbol === "+" ? 1 : 0;
      const max = symbol === "?" ? 1 : symbol || (comma && most === "") ? Infinity : Number(most ?? least);
      // The term is compiled again for each repetition.
      this.code.length = start;
      const term = (): void => {
        this.#at = from;
        this.#term(mode);
      };
      this.#repeat(term, { min, max, lazy: lazy === "?" });
      this.#at = end + text.length;
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
  #term(mode: string): boolean {
    const char = this.#peek()!;
    if (char === "(") return this.#group(mode);
    if (char === "^" || char === "$" || /^\\[bB]/.test(this.#source.slice(this.#at, this.#at + 2))) {
      const text = char === "\\" ? this.#source.slice(this.#at, this.#at + 2) : char;
      this.#at += text.length;
      this.emit({ op: "assert", holds: assertion(text, mode) });
      return true;
    }
    const [atom] = ATOM.exec(this.#source.slice(this.#at)) ?? [];
    if (atom === undefined || /^\\(?:[1-9]|k)/.test(atom)) {
      throw new SyntaxError(`it holds ${atom ?? char}, which is not supported`);
    }
    this.#at += atom.length;
    this.emit({ op: "char", test: this.#atom(atom, mode) });
    return false;
  }

  #group(mode: string): boolean {
    const [opening, look, on = "", off = ""] = GROUP.exec(this.#source.slice(this.#at))!;
    if (opening === "(?") throw new SyntaxError("it looks behind, which is not supported");
    this.#at += opening.length;
    let empty = true;
    if (look === undefined) {
      empty = this.alternatives([...mode].filter((flag) => !off.includes(flag)).join("") + on);
    } else {
      const at = this.emit({ op: "jump", to: 0 });
      this.alternatives(mode);
      this.emit({ op: "match" });
      this.code[at] = { op: "look", start: at + 1, wanted: look === "=", next: this.code.length };
    }
    this.#at++; // The closing bracket.
    return empty;
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

  #atom(atom: string, mode: string): (codePoint: number) => boolean {
    const key = `${mode} ${atom}`;
    let test = this.#atoms.get(key);
    if (!test) this.#atoms.set(key, test = tabled(new RegExp(`^${atom}$`, `u${[...new Set(mode)].join("")}`)));
    return test;
  }
}

/** A quantifier: a symbol, or numbers in braces; then `?` if it matches as few as possible. */
const QUANTIFIER = /^(?:([*+?])|\{(\d+)(,(\d*))?\})(\??)/;

/** The opening of a group: a lookahead, a name, or letters of modes. Of a lookbehind it matches only `(?`. */
const GROUP = /^\((?:\?(?:([=!])|<(?![=!])[^>]*>|([ims]*)(?:-([ims]*))?:|))?/;

/** A class, an escape, or a single character. */
const ATOM =
  /^(?:\[(?:\\.|[^\]\\])*\]|\\(?:[pP]\{[^}]*\}|u\{[^}]*\}|u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|u[\da-fA-F]{4}|x[\da-fA-F]{2}|c[A-Za-z]|.)|[^])/u;

/** The test of an atom. Its answer for a character of the first plane is kept in a table. */
function tabled(pattern: RegExp): (codePoint: number) => boolean {
  const known = new Uint8Array(1 << 16);
  const ask = (codePoint: number): boolean => pattern.test(String.fromCodePoint(codePoint));
  return (codePoint) => {
    if (codePoint >= known.length) return ask(codePoint);
    const answer = known[codePoint]!;
    if (answer !== 0) return answer === 1;
    return (known[codePoint] = ask(codePoint) ? 1 : 2) === 1;
  };
}

function assertion(text: string, mode: string): (whole: string, at: number) => boolean {
  const isBreak = (char: string | undefined): boolean => char !== undefined && /[\n\r\u2028\u2029]/.test(char);
  const multiline = mode.includes("m");
  if (text === "^") return (whole, at) => at === 0 || (multiline && isBreak(whole[at - 1]));
  if (text === "$") return (whole, at) => at === whole.length || (multiline && isBreak(whole[at]));
  const word = new RegExp("\\w", mode.includes("i") ? "ui" : "u");
  const isWord = (char: string | undefined): boolean => char !== undefined && word.test(char);
  return (whole, at) => (isWord(whole[at - 1]) !== isWord(whole[at])) === (text === "\\b");
}
