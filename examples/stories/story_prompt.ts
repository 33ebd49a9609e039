/** The prompts of the stories. @module */

/** The prompt that asks for a story with `words`. */
export function promptOf(words: readonly string[]): string {
  return `Words: ${words.join(", ")}. Story:`;
}

/** The words that a prompt asks for. Throws an Error where `prompt` is not one of the task's. */
export function wordsOf(prompt: string): string[] {
  const [, words] = /^Words: ([a-z]+(?:, [a-z]+)*)\. Story:$/.exec(prompt) ?? [];
  if (words === undefined) throw new Error(`Cannot read ${JSON.stringify(prompt)}: expected "Words: A, B, C. Story:"`);
  return words.split(", ");
}
