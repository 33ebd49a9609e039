/** The quick start's verifier: works the answer out of the prompt, and counts the right characters. @module */
import { solve } from "./task.ts";

/**
 * Share of the characters of `response` that are right and in their place, of the longer of it and the right answer:
 * 1 only for an exactly right one. `response` is without special tokens.
 */
export default function score({ prompt, response }: { prompt: string; response: string }): number {
  const right = solve(prompt);
  const matches = [...right].filter((letter, i) => response[i] === letter).length;
  return matches / Math.max(right.length, response.length);
}
