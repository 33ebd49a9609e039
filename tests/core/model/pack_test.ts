import { deepEqual, throws } from "node:assert/strict";
import { packExamples, packPairs, packPrompts, packShared, tokenLayout } from "../../../core/model/pack.ts";

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

Deno.test("packShared() lays a prefix once for any number of rows, also one that ends within a response", () => {
  const promptIds = [1, 10, 11];
  const row = (...responseIds: number[]) => ({ example: 4, promptIds, responseIds });
  const packed = packShared([
    { shared: 3, rows: [row(20, 21, 2), row(30, 2), row(40)] },
    { shared: 4, rows: [row(50, 51), row(50, 52, 53)] },
    { shared: 2, rows: [row(60, 61)] },
  ]);
  deepEqual(plain(packed), {
    ids: [1, 10, 11, 20, 21, 30, 1, 10, 11, 50, 52, 1, 10, 11, 60],
    position: [0, 1, 2, 3, 4, 3, 0, 1, 2, 3, 4, 0, 1, 2, 3],
    segments: [
      { start: 0, end: 3, prefixStart: 0, prefixEnd: 0, queryEnd: 6 },
      { start: 3, end: 5, prefixStart: 0, prefixEnd: 3, queryEnd: 5 },
      { start: 5, end: 6, prefixStart: 0, prefixEnd: 3, queryEnd: 6 },
      { start: 6, end: 10, prefixStart: 6, prefixEnd: 6, queryEnd: 11 },
      { start: 10, end: 11, prefixStart: 6, prefixEnd: 10, queryEnd: 11 },
      { start: 11, end: 13, prefixStart: 11, prefixEnd: 11, queryEnd: 15 },
      { start: 13, end: 15, prefixStart: 11, prefixEnd: 13, queryEnd: 15 },
    ],
    lengths: [3, 2, 1, 2, 3, 2],
    entries: {
      index: [2, 3, 4, 2, 5, 2, 8, 9, 8, 9, 10, 13, 14],
      target: [20, 21, 2, 30, 2, 40, 50, 51, 50, 52, 53, 60, 61],
      sequence: [0, 0, 0, 1, 1, 2, 3, 3, 4, 4, 4, 5, 5],
      example: [4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4],
      position: [2, 3, 4, 2, 3, 2, 2, 3, 2, 3, 4, 2, 3],
      starts: [0, 3, 5, 6, 8, 11, 13],
    },
  });
});

Deno.test("packShared() lays the tail of neighbours once that differ in their last token alone", () => {
  const rows = [[5, 6], [5, 7], [8, 6], [5, 7]].map(([id, last], example) => ({
    example,
    promptIds: [1, 2, id!],
    responseIds: [last!],
  }));
  const { ids, segments, entries, lengths } = packShared([{ shared: 2, rows }]);
  deepEqual([...ids], [1, 2, 5, 8, 5]);
  deepEqual(segments.map(({ start, end }) => [start, end]), [[0, 2], [2, 3], [3, 4], [4, 5]]);
  deepEqual([[...entries.index], [...entries.target]], [[2, 2, 3, 4], [6, 7, 6, 7]]);
  deepEqual([...lengths], [1, 1, 1, 1]);
});

Deno.test("packShared() of a prompt's responses packs as packExamples() and packPairs() do", () => {
  const [first, second] = PAIRS;
  const examples = PAIRS.map(({ example, promptIds, chosenIds }) => ({ example, promptIds, responseIds: chosenIds }));
  const alone = packShared(examples.map((row) => ({ shared: row.promptIds.length, rows: [row] })));
  deepEqual(alone, packExamples(examples));
  const both = [first!, second!].map(({ example, promptIds, chosenIds, rejectedIds }) => ({
    shared: promptIds.length,
    rows: [chosenIds, rejectedIds].map((responseIds) => ({ example, promptIds, responseIds })),
  }));
  deepEqual(packShared(both), packPairs(PAIRS));
});
