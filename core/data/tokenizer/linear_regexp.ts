/** A regular expression whose matching takes time linear in the text, whatever the pattern. @module */
import { compileProgram, type Program } from "./regexp_program.ts";

/** Bits of memory for one text. */
const MAX_BITS = 2 ** 30;

const programs = new Map<string, Program>();

/**
 * A RegExp without groups in its matches, which finds what JavaScript's own engine finds. It remembers at which places of
 * the text which choices have failed, and so makes each once: no pattern backtracks without end.
 */
export class LinearRegExp extends RegExp {
  readonly #program: Program;
  #text: string | undefined;
  /** Choices that were made and failed; of what is looked ahead for, also those that led to a match. */
  #failed = new Uint32Array(0);
  #met = new Uint32Array(0);

  /** Throws a SyntaxError for a pattern that looks behind or refers back. */
  constructor(pattern: string | RegExp, flags?: string) {
    super(pattern, flags);
    const key = `${this.flags} ${this.source}`;
    let program = programs.get(key);
    if (!program) programs.set(key, program = compileProgram(this.source, this.flags));
    this.#program = program;
  }

  /** As RegExp's. */
  override exec(text: string): RegExpExecArray | null {
    const uses = this.global || this.sticky;
    const from = uses ? this.lastIndex : 0;
    this.#begin(text);
    for (let start = from; start <= text.length; start++) {
      const end = this.#run(text, { pc: 0, at: start, looks: false });
      if (end >= 0) {
        if (uses) this.lastIndex = end;
        return Object.assign([text.slice(start, end)], { index: start, input: text }) as unknown as RegExpExecArray;
      }
      if (this.sticky) break;
      // Between the halves of a character nothing begins.
      if (text.codePointAt(start)! > 0xffff) start++;
    }
    if (uses) this.lastIndex = 0;
    return null;
  }

  #begin(text: string): void {
    if (text === this.#text) return;
    const bits = this.#program.splits * (text.length + 1);
    if (bits > MAX_BITS) {
      throw new RangeError(`a pattern has ${this.#program.splits} choices, too many for ${text.length} characters`);
    }
    const words = Math.ceil(bits / 32);
    for (const name of ["failed", "met"] as const) {
      const before = name === "failed" ? this.#failed : this.#met;
      const memory = before.length >= words && before.length <= 4 * words + 1024
        ? before.fill(0, 0, words)
        : new Uint32Array(words);
      if (name === "failed") this.#failed = memory;
      else this.#met = memory;
    }
    this.#text = text;
  }

  /** Where a match from `at` ends, or −1. */
  #run(text: string, { pc, at, looks }: { pc: number; at: number; looks: boolean }): number {
    const { code } = this.#program;
    const [failed, met] = [this.#failed, this.#met];
    const width = text.length + 1;
    // Choices that are open, each with its place and the length of the path before it.
    const open: number[] = [];
    // The choices on the path from the start.
    const path: number[] = [];
    for (;;) {
      const instruction = code[pc]!;
      let goes = true;
      switch (instruction.op) {
        case "char": {
          const codePoint = text.codePointAt(at);
          goes = codePoint !== undefined && instruction.test(codePoint);
          if (goes) at += codePoint! > 0xffff ? 2 : 1;
          pc++;
          break;
        }
        case "split": {
          const bit = instruction.id * width + at;
          const word = bit >>> 5;
          const mask = 1 << (bit & 31);
          if (looks && (met[word]! & mask) !== 0) return this.#end(path, { at, looks });
          if ((failed[word]! & mask) !== 0) {
            goes = false;
            break;
          }
          failed[word]! |= mask;
          path.push(bit);
          open.push(instruction.second, at, path.length);
          pc = instruction.first;
          break;
        }
        case "jump":
          pc = instruction.to;
          break;
        case "look":
          goes = (this.#run(text, { pc: instruction.start, at, looks: true }) >= 0) === instruction.wanted;
          pc = instruction.next;
          break;
        case "assert":
          goes = instruction.holds(text, at);
          pc++;
          break;
        case "match":
          return this.#end(path, { at, looks });
      }
      if (goes) continue;
      if (open.length === 0) return -1;
      path.length = open.pop()!;
      at = open.pop()!;
      pc = open.pop()!;
    }
  }

  /** Takes back that the choices of a path which matched have failed. */
  #end(path: readonly number[], { at, looks }: { at: number; looks: boolean }): number {
    for (const bit of path) {
      this.#failed[bit >>> 5]! &= ~(1 << (bit & 31));
      if (looks) this.#met[bit >>> 5]! |= 1 << (bit & 31);
    }
    return at;
  }
}
