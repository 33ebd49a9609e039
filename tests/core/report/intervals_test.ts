import { ok } from "node:assert/strict";
import { differenceInterval, errorOf } from "../../../core/report/intervals.ts";

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

Deno.test("errorOf() is half of Wilson's interval", () => {
  near(errorOf({ share: 0.5, rows: 600 }), 0.0399);
  near(errorOf({ share: 0, rows: 10 }), 0.2775 / 2);
});
