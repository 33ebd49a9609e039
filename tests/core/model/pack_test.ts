import { deepEqual, throws } from "node:assert/strict";
import { packExamples, packPairs, packPrompts, tokenLayout } from "../../../core/model/pack.ts";

const PAIRS = [
  { example: 7, promptIds: [1, 10, 11], chosenIds: [20, 21, 2], rejectedIds: [30, 2] },
  { example: 9, promptIds: [1], chosenIds: [40], rejectedIds: [50, 51] },
];

function plain(batch: ReturnType<typeof packPairs>): Record<string, unknown> {
  const { ids, position, segments, lengths, entries } = batch;
  const lists = Object.entries(entries).map(([name, values]) => [name, [...values]]);
  return {
    ids: [...ids],
    position: [...position],
    segments,
    lengths: [...lengths],
    entries: Object.fromEntries(lists),
  };
}

Deno.test("packPairs() lays a prompt once, then both responses without their last tokens", () => {
  deepEqual(plain(packPairs(PAIRS)), {
    //     prompt     chosen  rejected | prompt, chosen has no input of its own, rejected
    ids: [1, 10, 11, 20, 21, 30, 1, 50],
    position: [0, 1, 2, 3, 4, 3, 0, 1],
    segments: [
      { start: 0, end: 3, prefixStart: 0, prefixEnd: 0, queryEnd: 6 },
      { start: 3, end: 5, prefixStart: 0, prefixEnd: 3, queryEnd: 5 },
      { start: 5, end: 6, prefixStart: 0, prefixEnd: 3, queryEnd: 6 },
      { start: 6, end: 7, prefixStart: 6, prefixEnd: 6, queryEnd: 8 },
      { start: 7, end: 8, prefixStart: 6, prefixEnd: 7, queryEnd: 8 },
    ],
    lengths: [3, 2, 1, 2],
    entries: {
      // The prompt's last token predicts the first of both responses.
      index: [2, 3, 4, 2, 5, 6, 6, 7],
      target: [20, 21, 2, 30, 2, 40, 50, 51],
      sequence: [0, 0, 0, 1, 1, 2, 3, 3],
      example: [7, 7, 7, 7, 7, 9, 9, 9],
      // t as in docs/method.md: the first response token has t = prompt length - 1.
      position: [2, 3, 4, 2, 3, 0, 0, 1],
      starts: [0, 3, 5, 6, 8],
    },
  });
});

Deno.test("packPairs() repeats the prompt where it is not to be shared", () => {
  const { ids, segments, entries } = packPairs(PAIRS.slice(0, 1), { sharePrompt: false });
  deepEqual([...ids], [1, 10, 11, 20, 21, 1, 10, 11, 30]);
  deepEqual(segments.map(({ prefixStart, prefixEnd, queryEnd }) => [prefixStart, prefixEnd, queryEnd]), [
    [0, 0, 5],
    [0, 3, 5],
    [5, 5, 9],
    [5, 8, 9],
  ]);
  deepEqual([...entries.index], [2, 3, 4, 7, 8]);
});

Deno.test("packExamples() gives each example a sequence of its own", () => {
  const { ids, entries, lengths } = packExamples([
    { example: 3, promptIds: [1, 5], responseIds: [6, 2] },
    { example: 4, promptIds: [1], responseIds: [2] },
  ]);
  deepEqual([...ids], [1, 5, 6, 1]);
  deepEqual([...entries.index], [1, 2, 3]);
  deepEqual([...entries.sequence], [0, 0, 1]);
  deepEqual([...lengths], [2, 1]);
});

Deno.test("packPrompts() scores nothing", () => {
  const { ids, position, entries, lengths } = packPrompts([[4, 5], [6]]);
  deepEqual([[...ids], [...position], [...entries.starts], [...lengths]], [[4, 5, 6], [0, 1, 0], [0], []]);
});

Deno.test("tokenLayout() gives every token its segment's four borders", () => {
  const layout = [...tokenLayout(packPairs(PAIRS.slice(0, 1)))];
  const prompt = [0, 0, 0, 6];
  const chosen = [3, 0, 3, 5];
  deepEqual(layout, [...prompt, ...prompt, ...prompt, ...chosen, ...chosen, 5, 0, 3, 6]);
});

Deno.test("packPairs() names a row without a prompt, and one without a response", () => {
  throws(
    () => packPairs([{ ...PAIRS[0]!, promptIds: [] }]),
    /^RangeError: Cannot pack row 7: the prompt has no tokens/,
  );
  throws(() => packPairs([{ ...PAIRS[1]!, rejectedIds: [] }]), /^RangeError: Cannot pack row 9: a response has no/);
});
