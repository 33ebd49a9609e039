/** Counts the replies that are no verdict; too many of them stop the stage. @module */
import { UserError } from "../error.ts";
import type { JudgeMode } from "./judge_prompt.ts";
import { parseVerdict } from "./verdict.ts";

/** The number of replies before which a bad beginning says little. */
const EARLY = 20;
const EXAMPLES = 3;

/** Counts the replies of a judge, and ends its work if too many are unreadable. */
export class ReplyCount {
  readonly #options: { name: string; mode: JudgeMode; maxInvalid: number; total: number };
  readonly #examples: string[] = [];
  #read = 0;
  #unreadable = 0;

  /** Expects `total` replies, of which a share of `maxInvalid` may be unreadable. */
  constructor(options: { name: string; mode: JudgeMode; maxInvalid: number; total: number }) {
    this.#options = options;
  }

  /** The number of unreadable replies so far. */
  get unreadable(): number {
    return this.#unreadable;
  }

  /**
   * Counts a reply; if it is null, `why` gives the reason. Throws a UserError with examples as soon as it is certain
   * that more than the allowed share are unreadable, or if most of the first replies are.
   */
  add(reply: string | null, why = ""): void {
    const { mode, maxInvalid, total } = this.#options;
    this.#read++;
    if (reply !== null && parseVerdict(reply, mode) !== null) return;
    this.#unreadable++;
    if (this.#examples.length < EXAMPLES) this.#examples.push(reply === null ? `(${why})` : show(reply, why));
    const certain = this.#unreadable > maxInvalid * total;
    const badBeginning = this.#read >= EARLY && this.#unreadable > Math.max(0.5, maxInvalid) * this.#read;
    if (certain || badBeginning) throw new UserError(this.#describe());
  }

  /** A line about the unreadable replies; none if all could be read. */
  notes(): string[] {
    if (this.#unreadable === 0) return [];
    const { name } = this.#options;
    return [
      `Judge ${name}: ${this.#unreadable} of ${this.#read} replies hold no verdict, such as ${this.#examples[0]}`,
    ];
  }

  #describe(): string[] {
    const { name, mode, maxInvalid, total } = this.#options;
    const form = mode === "score" ? '{"score": 1 to 10}' : '{"winner": "A", "B" or "tie"}';
    return [
      `Cannot label with judge ${name}: ${this.#unreadable} of the first ${this.#read} replies (${total} in all) hold no verdict, expected ${form} in all but ${+(100 *
        maxInvalid).toFixed(2)} % (labels.max_invalid). What came:`,
      ...this.#examples,
    ];
  }
}

function show(reply: string, why: string): string {
  const line = reply.slice(0, 1000).replace(/[\s\p{Cc}]+/gu, " ").trim();
  const text = JSON.stringify(line.length > 160 ? `${line.slice(0, 159)}…` : line);
  return why === "" ? text : `${text} (${why})`;
}
