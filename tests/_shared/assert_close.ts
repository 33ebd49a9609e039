/** Numeric comparison for tests. @module */
import { AssertionError } from "node:assert/strict";

/** Tolerances: a value passes where |actual − expected| ≤ atol + rtol·|expected|. */
export interface Tolerance {
  /** Relative tolerance (default 0). */
  rtol?: number;
  /** Absolute tolerance (default 0). */
  atol?: number;
  /** What is compared, for the message. */
  label?: string;
}

/** Throws an AssertionError naming the worst element where `actual` and `expected` differ by more than the tolerance. */
export function assertClose(
  actual: number | ArrayLike<number>,
  expected: number | ArrayLike<number>,
  { rtol = 0, atol = 0, label = "value" }: Tolerance = {},
): void {
  const a = typeof actual === "number" ? [actual] : actual;
  const e = typeof expected === "number" ? [expected] : expected;
  if (a.length !== e.length) {
    throw new AssertionError({ message: `${label}: length is ${a.length}, expected ${e.length}` });
  }
  let worst = -1;
  let worstExcess = 0;
  for (let i = 0; i < a.length; i++) {
    const x = a[i]!;
    const y = e[i]!;
    if (Object.is(x, y)) continue;
    const excess = Math.abs(x - y) - (atol + rtol * Math.abs(y));
    // Written so that a NaN on either side fails.
    if (!(excess <= 0) && !(excess <= worstExcess)) {
      worst = i;
      worstExcess = Number.isNaN(excess) ? Infinity : excess;
    }
  }
  if (worst >= 0) {
    throw new AssertionError({
      message: `${label}: element ${worst} of ${a.length} is ${a[worst]}, expected ${
        e[worst]
      } (rtol ${rtol}, atol ${atol})`,
      actual: a[worst],
      expected: e[worst],
    });
  }
}
