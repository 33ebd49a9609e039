/** Draws the few-shot examples of each document, as lm-eval 0.4.13 does (`api/samplers.py`). @module */
import { isSame } from "../data/formats/shared_prompt.ts";
import { UserError } from "../error.ts";
import { PythonRandom } from "./python_random.ts";
import type { Doc } from "./task_config.ts";

/** The samplers by name: drawn anew for each document, or always the first. */
export const SAMPLERS = ["default", "first_n"] as const;

/** How examples are drawn. */
export interface SamplerOptions {
  /** The task, for messages. */
  readonly task: string;
  /** All examples. */
  readonly pool: readonly Doc[];
  /** How many a document gets. */
  readonly count: number;
  readonly sampler: typeof SAMPLERS[number];
  /** Whether a document is kept out of its own examples, which draws one more; see {@linkcode drawsOneMore}. */
  readonly leavesOut: boolean;
  readonly seed: number;
}

/** Draws for one document after the other: what is drawn depends on how many were drawn for before. */
export class FewShotSampler {
  readonly #options: SamplerOptions;
  readonly #random: PythonRandom;

  /** Throws a UserError if there are fewer examples than are drawn. */
  constructor(options: SamplerOptions) {
    const { task, pool, count, sampler, leavesOut } = options;
    const needed = count === 0 ? 0 : sampler === "default" && leavesOut ? count + 1 : count;
    if (pool.length < needed) {
      const more = needed > count ? ", one of them to spare" : "";
      throw new UserError(
        `Cannot take ${count} examples for the task ${task}: there are ${pool.length}, expected ${needed} or more${more}`,
      );
    }
    this.#options = options;
    this.#random = new PythonRandom(options.seed);
  }

  /** The examples of the next document, in the order in which they are written. */
  next(doc: Doc): readonly Doc[] {
    const { task, pool, count, sampler, leavesOut } = this.#options;
    if (count === 0) return [];
    const others = (docs: readonly Doc[]): Doc[] => docs.filter((other) => !isSame(other, doc));
    if (sampler === "first_n") return atLeast(leavesOut ? others(pool) : pool, { count, task });
    if (!leavesOut) return this.#random.sample(pool, count);
    const drawn = others(this.#random.sample(pool, count + 1)).slice(0, count);
    // Rows that are equal to the document may have been drawn more than once.
    return drawn.length === count
      ? drawn
      : this.#random.sample(atLeast(others(pool), { count, task, all: true }), count);
  }
}

function atLeast(
  docs: readonly Doc[],
  { count, task, all = false }: { count: number; task: string; all?: boolean },
): readonly Doc[] {
  if (docs.length >= count) return all ? docs : docs.slice(0, count);
  throw new UserError(
    `Cannot take ${count} examples for the task ${task}: there are ${docs.length} besides the document itself`,
  );
}
