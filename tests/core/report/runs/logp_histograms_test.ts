import { deepEqual, equal, ok } from "node:assert/strict";
import type { MeasuredGroup } from "../../../../core/report/runs/group_measures.ts";
import { histogramFigures, logpHistograms } from "../../../../core/report/runs/logp_histograms.ts";

/** A variant of which nothing but log-probabilities is known, of each run by iteration. */
function groupOf(...runs: readonly (readonly (readonly number[])[])[]): MeasuredGroup {
  const made = runs.map((iterations) => ({ logps: new Map(iterations.entries()) }));
  return { name: "variant", part: null, place: 0, runs: made } as unknown as MeasuredGroup;
}

Deno.test("logpHistograms() puts every answer into a bin, and means shares over runs of any size", () => {
  const { ends, all: [histogram] } = logpHistograms([groupOf([[-30, -10, -10, 0]], [[-10]])])!;
  deepEqual([ends[0], ends.at(-1), ends.length], [-30, 0, 31]);
  const { shares, answers, n } = histogram!;
  deepEqual([answers, n], [5, 2]);
  // −30: ¼ of the first run; −10: half of it, and all of the second; 0 lies in the last bin.
  deepEqual([shares[0], shares[20], shares[29]], [0.125, 0.75, 0.125]);
  ok(Math.abs(shares.reduce((a, b) => a + b, 0) - 1) < 1e-12);
});

Deno.test("logpHistograms() has bins where all values are one value, and is null without any", () => {
  const { ends, all: [histogram] } = logpHistograms([groupOf([[-3, -3]])])!;
  ok(ends.length >= 2 && ends[0]! <= -3 && ends.at(-1)! >= -3, `${ends}`);
  equal(Math.max(...histogram!.shares), 1);
  equal(logpHistograms([groupOf([])]), null);
});

Deno.test("histogramFigures() draws a line for each iteration, and of many the first, the last and some between", () => {
  const many = groupOf(Array.from({ length: 20 }, (_, i) => [-i, -i - 1]));
  const [{ chart, reading }] = histogramFigures(logpHistograms([many])!) as [ReturnType<typeof histogramFigures>[0]];
  deepEqual(chart.series.map(({ name }) => name), [0, 4, 8, 11, 15, 19].map((k) => `iteration ${k}`));
  ok(reading.includes("Iterations between those drawn are in logps.csv."), reading);
});
