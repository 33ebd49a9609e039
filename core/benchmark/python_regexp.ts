/**
 * A regular expression with the meaning of Python's `re` on texts, whose matching takes time linear in the text: what an
 * answer holds is the model's choice, and a task's pattern its author's. @module
 */
import { compilePattern, type PatternProgram } from "./python_pattern.ts";

/** The most bits of memory for one text. */
const MAX_BITS = 2 ** 30;

/** A match: the bounds of the whole and of each group, in UTF-16 units; −1 for a group that took no part. */
type Bounds = readonly number[];

/** Bits of choices at places of the text. */
interface Memory {
  failed: Uint32Array;
  met: Uint32Array;
}

/** Where a match is tried. */
interface Start {
  pc: number;
  start: number;
  mustAdvance: boolean;
  isLook: boolean;
  memory: Memory;
}

/**
 * A pattern without back references. It remembers which choices have failed at which places of the text, and within
 * looks ahead and behind also which have led to a match, and makes none of them twice.
 */
export class PythonRegExp {
  readonly #program: PatternProgram;

  /** Throws a SyntaxError for a pattern that is broken or not supported. */
  constructor(source: string) {
    this.#program = compilePattern(source);
  }

  /** The number of groups. */
  get groups(): number {
    return this.#program.groups;
  }

  /** `re.findall`: the match, or its only group, or a list of all its groups; "" for a group that took no part. */
  findAll(text: string): (string | string[])[] {
    const { groups } = this.#program;
    return this.#matches(text).map((bounds) => {
      const group = (i: number): string => bounds[2 * i]! < 0 ? "" : text.slice(bounds[2 * i], bounds[2 * i + 1]);
      return groups < 2 ? group(groups) : Array.from({ length: groups }, (_, i) => group(i + 1));
    });
  }

  /** `re.sub(pattern, "", text)`: the text without its matches. */
  remove(text: string): string {
    let kept = "";
    let at = 0;
    for (const [start, end] of this.#matches(text)) {
      kept += text.slice(at, start);
      at = end!;
    }
    return kept + text.slice(at);
  }

  /** All matches, one after another; at the place of an empty one there may be one more, which is not. */
  #matches(text: string): Bounds[] {
    const bits = this.#program.splits * (text.length + 1);
    if (bits > MAX_BITS) {
      throw new RangeError(`a pattern has ${this.#program.splits} choices, too many for ${text.length} characters`);
    }
    const memory: Memory = {
      failed: new Uint32Array(Math.ceil(bits / 32)),
      met: new Uint32Array(Math.ceil(bits / 32)),
    };
    const found: Bounds[] = [];
    let mustAdvance = false;
    for (let start = 0; start <= text.length;) {
      const bounds = this.#run(text, { pc: 0, start, mustAdvance, isLook: false, memory });
      if (bounds === null) {
        mustAdvance = false;
        start += text.codePointAt(start)! > 0xffff ? 2 : 1;
        continue;
      }
      found.push(bounds);
      mustAdvance = bounds[1] === start;
      start = bounds[1]!;
    }
    return found;
  }

  /**
   * The match of the program from `pc` that begins at `start`, which `mustAdvance` keeps from being empty; null if there
   * is none.
   */
  #run(text: string, { pc, start, mustAdvance, isLook, memory }: Start): Bounds | null {
    const { code, groups } = this.#program;
    const { failed, met } = memory;
    const width = text.length + 1;
    let saved: number[] = new Array(2 * groups + 2).fill(-1);
    const open: { pc: number; at: number; saved: number[]; depth: number }[] = [];
    const path: number[] = [];
    let at = start;
    const keep = (): Bounds => {
      for (const bit of path) {
        // What led to this match may lead to the next one too.
        failed[bit >>> 5]! &= ~(1 << (bit & 31));
        if (isLook) met[bit >>> 5]! |= 1 << (bit & 31);
      }
      return saved;
    };
    for (;;) {
      const step = code[pc]!;
      let goes = true;
      switch (step.op) {
        case "char": {
          const codePoint = text.codePointAt(at);
          goes = codePoint !== undefined && step.test(codePoint);
          if (goes) at += codePoint! > 0xffff ? 2 : 1;
          pc++;
          break;
        }
        case "split": {
          const bit = step.id * width + at;
          const mask = 1 << (bit & 31);
          if (isLook && (met[bit >>> 5]! & mask) !== 0) return keep();
          goes = (failed[bit >>> 5]! & mask) === 0;
          if (!goes) break;
          failed[bit >>> 5]! |= mask;
          path.push(bit);
          open.push({ pc: step.second, at, saved, depth: path.length });
          pc = step.first;
          break;
        }
        case "jump":
          pc = step.to;
          break;
        case "save":
          saved = saved.with(step.slot, at);
          pc++;
          break;
        case "assert":
          goes = step.holds(text, at);
          pc++;
          break;
        case "look": {
          const from = stepBack(text, at, step.back);
          const isMatch = from >= 0 &&
            this.#run(text, { pc: step.start, start: from, mustAdvance: false, isLook: true, memory }) !== null;
          goes = isMatch === step.wanted;
          pc = step.next;
          break;
        }
        case "match":
          if (mustAdvance && at === start) {
            goes = false;
            break;
          }
          return keep();
      }
      if (goes) continue;
      const last = open.pop();
      if (last === undefined) return null;
      ({ pc, at, saved } = last);
      path.length = last.depth;
    }
  }
}

/** The place `count` code points before `at`; −1 if there are not so many. */
function stepBack(text: string, at: number, count: number): number {
  for (; count > 0 && at >= 0; count--) {
    const isPair = at > 1 && text.codePointAt(at - 2)! > 0xffff;
    at -= isPair ? 2 : 1;
  }
  return at;
}
