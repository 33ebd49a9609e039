/** Compiles a pattern of Python's `re` to a program that is run in linear time. @module */
import { readSet } from "./python_char_set.ts";
import { assertion, GROUP, type Mode, readQuantifier, type Width, withFlags } from "./python_pattern_parts.ts";

/** One instruction. */
export type PatternStep =
  | { op: "char"; test: (codePoint: number) => boolean }
  /** Goes on at `first`, and if that fails at `second`; `id` is the split's number. */
  | { op: "split"; first: number; second: number; id: number }
  | { op: "jump"; to: number }
  /** Keeps the place in the text as the bound `slot` of a group. */
  | { op: "save"; slot: number }
  | { op: "assert"; holds: (text: string, at: number) => boolean }
  /**
   * Goes on at `next` if the program from `start` matches (`wanted`) or does not match (not `wanted`), here or `back`
   * code points before.
   */
  | { op: "look"; start: number; wanted: boolean; back: number; next: number }
  | { op: "match" };

/** A program, the number of its splits, and that of its groups. */
export interface PatternProgram {
  code: readonly PatternStep[];
  splits: number;
  groups: number;
}

/** The most instructions; only repetitions with large counts need more. */
const MAX_CODE = 1 << 14;
/** The most terms that are compiled. Each repeated group has its terms compiled twice, and so those in it four times. */
const MAX_TERMS = 1 << 16;

/** Compiles a pattern. Throws a SyntaxError for one that is broken or not supported. */
export function compilePattern(source: string): PatternProgram {
  const compiler = new PatternCompiler(source);
  compiler.compile();
  return { code: compiler.code, splits: compiler.splits, groups: compiler.groups };
}

class PatternCompiler {
  readonly code: PatternStep[] = [];
  splits = 0;
  groups = 0;
  readonly #source: string;
  #at = 0;
  #terms = 0;
  /** Whether what is compiled is looked at only. */
  #isLook = false;

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

  /** Compiles alternatives up to a closing bracket or the end. */
  #alternatives(mode: Mode): Width {
    const ends: number[] = [];
    const width: Width = { min: Infinity, max: 0 };
    for (;;) {
      const split = this.#split();
      const { min, max } = this.#sequence(mode);
      width.min = Math.min(width.min, min);
      width.max = Math.max(width.max, max);
      if (this.#source[this.#at] !== "|") {
        this.code[split] = { op: "jump", to: split + 1 };
        break;
      }
      this.#at++;
      ends.push(this.#emit({ op: "jump", to: 0 }));
      this.#patch(split, { first: split + 1, second: this.code.length });
    }
    for (const end of ends) this.code[end] = { op: "jump", to: this.code.length };
    return width;
  }

  #sequence(mode: Mode): Width {
    const width: Width = { min: 0, max: 0 };
    while (this.#at < this.#source.length && !"|)".includes(this.#source[this.#at]!)) {
      const from = this.#at;
      const start = { code: this.code.length, splits: this.splits, groups: this.groups };
      const one = this.#term(mode);
      const end = this.#at;
      const quantifier = readQuantifier(this.#source.slice(end, end + 40));
      if (quantifier === null) {
        width.min += one.min;
        width.max += one.max;
        continue;
      }
      const { min, max, isLazy, length } = quantifier;
      // Which round a group keeps would then depend on more than the place in the text.
      if (one.min === 0 && max > 1) throw new SyntaxError("it repeats what may be empty, which is not supported");
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
      width.min += one.min * min;
      width.max += one.max === 0 ? 0 : one.max * max;
    }
    return width;
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

  /** Compiles one term, without its quantifier. */
  #term(mode: Mode): Width {
    if (++this.#terms > MAX_TERMS) throw new SyntaxError("its repetitions are too large, or nest too deeply");
    const char = this.#source[this.#at]!;
    if (char === "(") return this.#group(mode);
    const [anchor] = /^(?:[$^]|\\[AZbB])/.exec(this.#source.slice(this.#at, this.#at + 2)) ?? [];
    if (anchor !== undefined) {
      this.#at += anchor.length;
      this.#emit({ op: "assert", holds: assertion(anchor, mode) });
      return { min: 0, max: 0 };
    }
    if (/[*+?]/.test(char)) throw new SyntaxError(`there is nothing to repeat before ${char}`);
    if (char === ".") {
      this.#at++;
      this.#emit({ op: "char", test: mode.dotAll ? () => true : (code) => code !== 10 });
      return { min: 1, max: 1 };
    }
    const { test, end } = readSet(this.#source, this.#at, mode);
    this.#at = end;
    this.#emit({ op: "char", test });
    return { min: 1, max: 1 };
  }

  #group(mode: Mode): Width {
    const looking = /^\(\?(<?)([=!])/.exec(this.#source.slice(this.#at, this.#at + 4));
    if (looking !== null) {
      this.#at += looking[0].length;
      return this.#look(mode, { isBack: looking[1] !== "", wanted: looking[2] === "=" });
    }
    const [opening, name, on, off] = GROUP.exec(this.#source.slice(this.#at))!;
    if (opening === "(?") {
      throw new SyntaxError(`it holds ${this.#source.slice(this.#at, this.#at + 4)}, which is not supported`);
    }
    this.#at += opening.length;
    const isCapturing = opening === "(" || name !== undefined;
    const group = isCapturing ? ++this.groups : 0;
    if (isCapturing && this.#isLook) throw new SyntaxError("it keeps what it only looks at, which is not supported");
    if (isCapturing) this.#emit({ op: "save", slot: 2 * group });
    const width = this.#alternatives(withFlags(withFlags(mode, on ?? ""), off ?? "", false));
    if (this.#source[this.#at] !== ")") throw new SyntaxError("a group has no end");
    this.#at++;
    if (isCapturing) this.#emit({ op: "save", slot: 2 * group + 1 });
    return width;
  }

  #look(mode: Mode, { isBack, wanted }: { isBack: boolean; wanted: boolean }): Width {
    const at = this.#emit({ op: "jump", to: 0 });
    const outer = this.#isLook;
    this.#isLook = true;
    const { min, max } = this.#alternatives(mode);
    this.#isLook = outer;
    if (this.#source[this.#at] !== ")") throw new SyntaxError("a group has no end");
    this.#at++;
    if (isBack && min !== max) throw new SyntaxError("look-behind requires fixed-width pattern");
    this.#emit({ op: "match" });
    this.code[at] = { op: "look", start: at + 1, wanted, back: isBack ? min : 0, next: this.code.length };
    return { min: 0, max: 0 };
  }
}
