/** Counts the replies that are no verdict; too many of them stop the stage. @module */
import { counted } from "../counted.ts";
import { UserError } from "../error.ts";
import type { JudgeMode } from "./judge_prompt.ts";
import { parseVerdict } from "./verdict.ts";

/** The number of replies before which a bad beginning says little. */
const EARLY = 20;
const EXAMPLES = 3;

/** What a reply is to hold. */
export interface ReplyForm {
  /** The form, as an error names it. */
  expected: string;
  /** Whether a reply holds a verdict in that form. */
  isIn: (reply: string) => boolean;
}

/** The forms of the judges that score labels. */
export const VERDICT_FORMS: Readonly<Record<JudgeMode, ReplyForm>> = {
  score: { expected: '{"score": 1 to 10}', isIn: (reply) => parseVerdict(reply, "score") !== null },
  pairwise: { expected: '{"winner": "A", "B" or "tie"}', isIn: (reply) => parseVerdict(reply, "pairwise") !== null },
};

/** What a judge's replies are held to. */
export interface ReplyCountOptions {
  /** The judge's name. */
  name: string;
  /** What an error begins with (default: `Cannot label with judge NAME`). */
  action?: string;
  form: ReplyForm;
  /** The share of replies that may be unreadable. */
  maxInvalid: number;
  /** Replies that are expected. */
  total: number;
}

/** Counts the replies of a judge, and ends its work if too many are unreadable. */
export class ReplyCount {
  readonly #options: ReplyCountOptions;
  readonly #examples: string[] = [];
  #read = 0;
  #unreadable = 0;

  /** Expects `total` replies, of which a share of `maxInvalid` may be unreadable. */
  constructor(options: ReplyCountOptions) {
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
    const { form, maxInvalid, total } = this.#options;
    this.#read++;
    if (reply !== null && form.isIn(reply)) return;
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
    const replies = counted(this.#read, "reply", "replies");
    return [
      `Judge ${name}: ${this.#unreadable} of ${replies} ${this.#verb} no verdict, such as ${this.#examples[0]}`,
    ];
  }

  #describe(): string[] {
    const { name, form, maxInvalid, total, action = `Cannot label with judge ${name}` } = this.#options;
    return [
      `${action}: ${this.#which(total)} ${this.#verb} no verdict, expected ${form.expected} in all but ${+(100 *
        maxInvalid).toFixed(2)} % (labels.max_invalid). What came:`,
      ...this.#examples,
    ];
  }

  /** The unreadable replies, and of how many. */
  #which(total: number): string {
    if (total === 1) return "the only reply";
    if (this.#read === 1) return `the first of ${total} replies`;
    return this.#read === total
      ? `${this.#unreadable} of ${total} replies`
      : `${this.#unreadable} of the first ${this.#read} replies (${total} in all)`;
  }

  get #verb(): string {
    return this.#unreadable === 1 ? "holds" : "hold";
  }
}

function show(reply: string, why: string): string {
  const line = reply.slice(0, 1000).replace(/[\s\p{Cc}]+/gu, " ").trim();
  const text = JSON.stringify(line.length > 160 ? `${line.slice(0, 159)}…` : line);
  return why === "" ? text : `${text} (${why})`;
}
