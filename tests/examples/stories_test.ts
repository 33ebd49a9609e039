import { deepEqual, equal, ok, throws } from "node:assert/strict";
import score from "../../examples/stories/named_words.ts";
import { promptOf, wordsOf } from "../../examples/stories/story_prompt.ts";
import { makeStories } from "../../examples/stories/story_words.ts";

const SIZES = { rows: 400, heldOut: 50 };

Deno.test("makeStories() gives the same rows for a seed, each prompt once, and held-out stories that name all words", () => {
  const { rows, heldOut } = makeStories(1, SIZES);
  deepEqual(makeStories(1, SIZES), { rows, heldOut });
  ok(makeStories(2, SIZES).rows.some(({ prompt }, i) => prompt !== rows[i]!.prompt));
  equal(new Set([...rows, ...heldOut].map(({ prompt }) => prompt)).size, SIZES.rows + SIZES.heldOut);
  for (const row of heldOut) equal(score(row), 1, row.response);
});

Deno.test("makeStories() forgets one word in about 40 % of the rows", () => {
  const scores = makeStories(3, SIZES).rows.map(score);
  const wrong = scores.filter((value) => value < 1).length / SIZES.rows;
  ok(wrong > 0.33 && wrong < 0.47, `${wrong}`);
  // Three words, of which two are told.
  ok(scores.every((value) => value === 1 || Math.abs(value - 2 / 3) < 1e-12));
});

Deno.test("the stories' verifier counts whole words, and halves a story that does not end", () => {
  const prompt = promptOf(["cat", "box", "sun"]);
  equal(score({ prompt, response: "The cat sat in a box. The sun was up." }), 1);
  equal(score({ prompt, response: "The cats sat in a Box." }), 1 / 3);
  equal(score({ prompt, response: "The cat sat in a box under the sun" }), 1 / 2);
  deepEqual(wordsOf(prompt), ["cat", "box", "sun"]);
  throws(() => wordsOf("Tell a story."), /Cannot read "Tell a story\."/);
});
