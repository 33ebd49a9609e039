/** A regular expression whose matching takes time linear in the length of the text, for any pattern. @module */
import { compileProgram, type Program } from "./regexp_program.ts";

/** The most bits of memory for one text. */
const MAX_BITS = 2 ** 30;

/**
 * Finds what Oniguruma finds with a pattern. It remembers which choices have failed at which places of the text and
 * makes none of them twice, so backtracking takes linear time.
 */
export class LinearRegExp {
  readonly #program: Program;
  #text: string | undefined;
  /** Bits of the choices that were made and failed; within lookaheads, also of those that led to a match. */
  #failed = new Uint32Array(0);
  #met = new Uint32Array(0);

  /** Throws a SyntaxError for a pattern with backreferences or other things that are not supported. */
  constructor(pattern: string) {
    this.#program = compileProgram(pattern);
  }

  /** The matches, one after another, each as its start and its end. An empty one never follows another directly. */
  matches(text: string): number[] {
    this.#begin(text);
    const found: number[] = [];
    let last = -1;
    for (let start = 0; start <= text.length;) {
      const end = this.#run(text, { pc: 0, at: start, looks: false });
      const isMatch = end > start || (end === start && start !== last);
      if (isMatch) found.push(start, last = end);
      // No match begins between the two units of a surrogate pair.
      if (end > start) start = end;
      else start += text.codePointAt(start)! > 0xffff ? 2 : 1;
    }
    return found;
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

  /** Returns the end of a match that begins at `at`, or −1 if there is none. */
  #run(text: string, { pc, at, looks }: { pc: number; at: number; looks: boolean }): number {
    const { code } = this.#program;
    const [failed, met] = [this.#failed, this.#met];
    const width = text.length + 1;
    // Second alternatives not yet tried, each with its place in the text and the length of the path before it.
    const open: number[] = [];
    // The choices made on the way from the start.
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
        case "run": {
          let count = 0;
          for (; count < instruction.max; count++) {
            const codePoint = text.codePointAt(at);
            if (codePoint === undefined || !instruction.test(codePoint)) break;
            at += codePoint > 0xffff ? 2 : 1;
          }
          goes = count >= instruction.min;
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

  /** Clears the failed bits of a path that matched, and notes the path within a lookahead. Returns `at`. */
  #end(path: readonly number[], { at, looks }: { at: number; looks: boolean }): number {
    for (const bit of path) {
      this.#failed[bit >>> 5]! &= ~(1 << (bit & 31));
      if (looks) this.#met[bit >>> 5]! |= 1 << (bit & 31);
    }
    return at;
  }
}
