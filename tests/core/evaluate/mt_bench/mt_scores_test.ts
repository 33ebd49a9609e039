import { deepEqual, equal } from "node:assert/strict";
import { mtScores, type MtVerdict } from "../../../../core/evaluate/mt_bench/mt_scores.ts";
import { assertClose } from "../../../_shared/assert_close.ts";

function verdicts(rows: readonly [category: string, values: readonly (number | null)[]][]): MtVerdict[] {
  return rows.flatMap(([category, values], id) => values.map((value, turn) => ({ id, category, turn, value })));
}

Deno.test("mtScores() has means by turn and category, and errors of questions, not of turns", () => {
  const scores = mtScores(verdicts([["math", [8, 4]], ["math", [6, 6]], ["stem", [10, 9]], ["stem", [3, 2]]]));
  assertClose(scores.overall.mean!, 6, { rtol: 1e-12 });
  equal(scores.overall.count, 8);
  // The questions' means are 6, 6, 9.5 and 2.5: their deviation is √(24.5 / 3), the error half of it.
  assertClose(scores.overall.stderr!, Math.sqrt(24.5 / 3) / 2, { rtol: 1e-12 });
  deepEqual(scores.turns.map(({ mean, count }) => [mean, count]), [[6.75, 4], [5.25, 4]]);
  assertClose(scores.turns[0]!.stderr!, Math.sqrt(26.75 / 3) / 2, { rtol: 1e-12 });
  deepEqual(Object.keys(scores.categories), ["math", "stem"]);
  const { math, stem } = scores.categories;
  deepEqual([math!.mean, math!.stderr, stem!.mean, stem!.stderr], [6, 0, 6, 3.5]);
  deepEqual(stem!.turns.map(({ mean }) => mean), [6.5, 5.5]);
  equal(scores.unreadable, 0);
});

Deno.test("mtScores() leaves unreadable verdicts out of every mean, and counts them", () => {
  const scores = mtScores(verdicts([["math", [8, null]], ["math", [4, 6]], ["stem", [null]]]));
  deepEqual([scores.overall.mean, scores.overall.count, scores.unreadable], [6, 3, 2]);
  // Residuals of the two questions are 2 and -2 + 0.
  assertClose(scores.overall.stderr!, Math.sqrt(2 * 8) / 3, { rtol: 1e-12 });
  deepEqual(scores.categories.stem, {
    mean: null,
    stderr: null,
    count: 0,
    turns: [{ mean: null, stderr: null, count: 0 }, { mean: null, stderr: null, count: 0 }],
  });
  deepEqual(mtScores(verdicts([["math", [7]]])).overall, { mean: 7, stderr: null, count: 1 });
  deepEqual(mtScores([]), {
    overall: { mean: null, stderr: null, count: 0 },
    turns: [],
    categories: {},
    unreadable: 0,
  });
});
