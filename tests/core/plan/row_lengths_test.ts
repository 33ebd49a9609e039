import { deepEqual, equal } from "node:assert/strict";
import { rowFate } from "../../../core/data/row_fate.ts";
import { costsOf, countBins, summarize } from "../../../core/plan/row_lengths.ts";

const answers = (...lengths: number[]) => lengths.map((length) => ({ ids: { length } }));

Deno.test("summarize() takes the least length that a share of the rows does not exceed", () => {
  const lengths = Array.from({ length: 200 }, (_, i) => 200 - i);
  deepEqual(summarize(lengths), { mean: 100.5, p50: 100, p90: 180, p95: 190, p99: 198, max: 200 });
  deepEqual(summarize([7]), { mean: 7, p50: 7, p90: 7, p95: 7, p99: 7, max: 7 });
});

Deno.test("countBins() counts every length once, in bins from the shortest to the longest", () => {
  deepEqual(countBins([8, 11, 12, 40]), [
    { from: 8, to: 12, rows: 2 },
    { from: 12, to: 16, rows: 1 },
    { from: 16, to: 24, rows: 0 },
    { from: 24, to: 32, rows: 0 },
    { from: 32, to: 48, rows: 1 },
  ]);
  deepEqual(countBins([0, 0]), [{ from: 0, to: 8, rows: 2 }]);
});

Deno.test("rowFate() drops a prompt without room and an answer without a trained token, and cuts the rest", () => {
  deepEqual(rowFate(8, answers(3), 8), { dropped: "promptTooLong", room: 0, cut: 0 });
  deepEqual(rowFate(7, answers(3, 1), 8), { dropped: null, room: 1, cut: 1 });
  deepEqual(rowFate(1, answers(3, 0), 8), { dropped: "emptyResponse", room: 7, cut: 0 });
  const lossMask = [false, false, true];
  deepEqual(rowFate(6, [{ ids: lossMask, lossMask }], 8), { dropped: "emptyResponse", room: 2, cut: 0 });
  deepEqual(rowFate(5, [{ ids: lossMask, lossMask }], 8), { dropped: null, room: 3, cut: 0 });
});

Deno.test("costsOf() goes from 256 to what costs nothing, with the config's limit and no more than the positions", () => {
  const rows = [{ prompt: 100, answers: answers(200, 500) }, { prompt: 700, answers: answers(100, 10) }];
  const costs = costsOf(rows, { maxLength: 400, positions: 4096, longest: 800 });
  deepEqual(costs.map(({ maxLength, dropped, cutRows }) => [maxLength, dropped, cutRows]), [
    [256, 1, 1],
    [400, 1, 1],
    [512, 1, 1],
    [1024, 0, 0],
  ]);
  equal(costs[0]!.keptShare, (156 + 156) / 810);
  const few = costsOf(rows, { maxLength: 400, positions: 600, longest: 800 }).map(({ maxLength }) => maxLength);
  deepEqual(few, [256, 400, 512, 600]);
});
