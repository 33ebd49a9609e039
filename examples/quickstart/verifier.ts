/** The quick start's verifier: works the answer out of the prompt, and counts the right characters. @module */
import { solve } from "./task.ts";

/**
 * Share of the characters of `response` that are right and in their place, of the longer of it and the right answer:
 * 1 only for an exactly right one. The end counts as a character; else an answer with a letter too many would beat one
 * with a wrong letter, and answers would grow. `response` is without special tokens.
 */
export default function score({ prompt, response }: { prompt: string; response: string }): number {
  const right = solve(prompt);
  const matches = [...right].filter((letter, i) => response[i] === letter).length;
  const ends = response.length === right.length ? 1 : 0;
  return (matches + ends) / (Math.max(right.length, response.length) + 1);
}
