import { equal, ok } from "node:assert/strict";
import { meanOf } from "../../../core/evaluate/seed_means.ts";
import { differenceInterval, shareError } from "../../../core/report/intervals.ts";

const near = (value: number, expected: number): void => ok(Math.abs(value - expected) < 5e-5, `${value} ${expected}`);

Deno.test("differenceInterval() is Newcombe's method 10, as in his paper's Table II", () => {
  const of = (a: number, m: number, b: number, n: number) =>
    differenceInterval({ share: b / n, rows: n }, { share: a / m, rows: m });
  for (
    const [a, m, b, n, low, high] of [
      [56, 70, 48, 80, 0.0524, 0.3339],
      [9, 10, 3, 10, 0.1705, 0.8090],
      [6, 7, 2, 7, 0.0582, 0.8062],
      [5, 56, 0, 29, -0.0381, 0.1926],
      [0, 10, 0, 20, -0.1611, 0.2775],
      [10, 10, 0, 10, 0.6075, 1],
    ] as const
  ) {
    const interval = of(a, m, b, n);
    near(interval.low, low);
    near(interval.high, high);
  }
});

Deno.test("shareError() is the standard error of a mean of 0s and 1s", () => {
  near(shareError({ share: 3 / 4, rows: 4 })!, meanOf([1, 1, 0, 1]).stderr!);
  equal(shareError({ share: 1, rows: 1 }), null);
  equal(shareError({ share: 0.5, rows: 1 }), null);
  // A ± of 0 would say that other rows are sure to be the same.
  for (const share of [0, 1]) equal(shareError({ share, rows: 10 }), null);
});
