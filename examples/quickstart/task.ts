/** The quick start's task: `sort dbca>` is to be answered `abcd`, `flip abcd>` is `dcba`. @module */
import { createRandom, type Random } from "./seeded_random.ts";

/** A prompt and an answer to it. */
export interface Row {
  /** Such as `sort dbca>`. */
  prompt: string;
  /** Letters. */
  response: string;
}

/** Rows to train on, and held-out ones. */
export interface TaskData {
  /** Human answers: some are wrong. */
  rows: Row[];
  /** Right answers to prompts that `rows` has not. */
  heldOut: Row[];
}

/** How much data is made. */
export interface TaskSizes {
  /** Rows to train on. */
  rows: number;
  /** Held-out rows. */
  heldOut: number;
}

/** The committed data's seed and sizes; its human answers are wrong in 40 % of the rows. */
export const COMMITTED = { seed: 0, sizes: { rows: 3000, heldOut: 600 } } as const;

/** Letters of the words. */
const LETTERS = "abcdefgh";
const LENGTHS = { shortest: 4, longest: 7 };
const WRONG_SHARE = 0.4;

/** The right answer. Throws an Error where `prompt` is not one of the task's. */
export function solve(prompt: string): string {
  const [, verb, word] = /^(sort|flip) ([a-z]+)>$/.exec(prompt) ?? [];
  if (word === undefined) {
    throw new Error(`Cannot solve ${JSON.stringify(prompt)}: expected "sort WORD>" or "flip WORD>"`);
  }
  const letters = [...word];
  return (verb === "sort" ? letters.sort() : letters.reverse()).join("");
}

/** The task's data for a seed: no prompt occurs twice. */
export function makeTask(seed: number, sizes: TaskSizes): TaskData {
  const random = createRandom(seed);
  const prompts = new Set<string>();
  while (prompts.size < sizes.rows + sizes.heldOut) prompts.add(makePrompt(random));
  const all = [...prompts];
  return {
    rows: all.slice(0, sizes.rows).map((prompt) => ({ prompt, response: humanAnswer(solve(prompt), random) })),
    heldOut: all.slice(sizes.rows).map((prompt) => ({ prompt, response: solve(prompt) })),
  };
}

function makePrompt(random: Random): string {
  const { shortest, longest } = LENGTHS;
  const length = shortest + random.integer(longest - shortest + 1);
  const word = Array.from({ length }, () => LETTERS[random.integer(LETTERS.length)]).join("");
  return `${random.integer(2) === 0 ? "sort" : "flip"} ${word}>`;
}

function humanAnswer(right: string, random: Random): string {
  if (random.uniform() >= WRONG_SHARE) return right;
  for (;;) {
    const answer = corrupt(right, random);
    if (answer !== right) return answer;
  }
}

/** One or two slips: a wrong letter, or two letters that change places (which may leave the answer as it was). */
function corrupt(answer: string, random: Random): string {
  const letters = [...answer];
  for (let slips = 1 + random.integer(2); slips > 0; slips--) {
    const i = random.integer(letters.length);
    if (random.integer(2) === 0) {
      letters[i] = LETTERS[random.integer(LETTERS.length)]!;
    } else {
      const j = random.integer(letters.length);
      [letters[i], letters[j]] = [letters[j]!, letters[i]!];
    }
  }
  return letters.join("");
}
