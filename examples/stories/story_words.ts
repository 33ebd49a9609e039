/**
 * The stories' task: `Words: ball, dog, tree. Story:` is to be answered by a little story that names all three words.
 * Its rows are put together from sentences with a blank. @module
 */
import { createRandom, type Random } from "../quickstart/seeded_random.ts";
import type { TaskData, TaskSizes } from "../quickstart/task.ts";
import { promptOf } from "./story_prompt.ts";

const WORDS =
  "ball bear bed bee bird boat book box bus cake car cat chair cow cup dog doll door duck fish flower frog " +
  "garden hat hill house kite lake leaf lion moon mouse park pig rain river rock sea shoe snow spoon star sun toy train tree";
const NOUNS = WORDS.split(" ");
const NAMES = ["Lily", "Tom", "Mia", "Ben", "Sara", "Tim", "Anna", "Max"];
/** Beginnings, middles and ends of stories, each with a word to name; `N` is the child. */
const SENTENCES = [
  ["One day, N saw a _.", "N had a big _.", "N wanted to play with the _.", "There was a little _.", "N found a _."],
  [
    "The _ was very pretty.",
    "N went to the _.",
    "Then N saw a _ too.",
    'Mom said, "Look at the _!"',
    "N ran to the _.",
  ],
  ["N liked the _ very much.", "At the end, N gave mom the _.", "N and the _ were happy.", "The _ was a good friend."],
] as const;
/** Share of the human stories that forget one of the words, and name another. */
const WRONG_SHARE = 0.4;

/** The rows of a seed: no prompt occurs twice. Held-out stories name all words. */
export function makeStories(seed: number, sizes: TaskSizes): TaskData {
  const random = createRandom(seed);
  const prompts = new Map<string, string[]>();
  while (prompts.size < sizes.rows + sizes.heldOut) {
    const words = threeWords(random);
    prompts.set(promptOf(words), words);
  }
  const all = [...prompts];
  return {
    rows: all.slice(0, sizes.rows).map(([prompt, words]) => ({ prompt, response: humanStory(words, random) })),
    heldOut: all.slice(sizes.rows).map(([prompt, words]) => ({ prompt, response: story(words, random) })),
  };
}

function threeWords(random: Random): string[] {
  const words = new Set<string>();
  while (words.size < 3) words.add(pick(NOUNS, random));
  return [...words];
}

function humanStory(words: readonly string[], random: Random): string {
  if (random.uniform() >= WRONG_SHARE) return story(words, random);
  const forgotten = random.integer(words.length);
  const others = NOUNS.filter((noun) => !words.includes(noun));
  return story(words.map((word, i) => i === forgotten ? pick(others, random) : word), random);
}

function story(words: readonly string[], random: Random): string {
  const name = pick(NAMES, random);
  const told = words.map((word, i) => pick(SENTENCES[i]!, random).replace("N", name).replace("_", word));
  return ` ${told.join(" ")}`;
}

function pick<T>(values: readonly T[], random: Random): T {
  return values[random.integer(values.length)]!;
}
