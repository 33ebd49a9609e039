/** The verifier of the stories: which share of the words that the prompt asks for does the story name? @module */
import { wordsOf } from "./story_prompt.ts";

/** Share of the prompt's words that stand in `response`, halved where its last sentence is not finished. */
export default function score({ prompt, response }: { prompt: string; response: string }): number {
  const told = new Set(response.toLowerCase().match(/[a-z]+/g));
  const words = wordsOf(prompt);
  const share = words.filter((word) => told.has(word)).length / words.length;
  return /[.!?]["']?\s*$/.test(response) ? share : share / 2;
}
