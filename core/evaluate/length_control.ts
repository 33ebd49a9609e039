/** The win rate that is left when both models' answers are equally long. @module */
import { type Interval, NORMAL_95 } from "./win_rate.ts";

/** A judged prompt. */
export interface LengthRow {
  /** How far the second model's answer is preferred, in [0, 1]: 1 is a win, 0.5 a tie, 0 a loss. */
  preference: number;
  /** Length of the second model's answer less that of the first one's. */
  difference: number;
}

/** A win rate at equal lengths. */
export interface LengthControlled {
  /** The rate predicted where both answers are equally long; null if the rows cannot tell it. */
  rate: number | null;
  /** Standard error of the rate, by the delta method; null where there is no fit. */
  stderr: number | null;
  /** 95 % interval, symmetric in the log-odds; null where there is no fit. */
  interval: Interval | null;
  /** What a difference adds to the log-odds of a win: `effect` · tanh(difference / `scale`); null without a fit. */
  effect: number | null;
  /** Standard deviation of the differences; null if there is none. */
  scale: number | null;
  /** Why there is no fit; null if there is one. */
  note: string | null;
}

/**
 * The L2 penalty, `PENALTY` / 2 · effect². It is small, the log-odds' prior deviation being 10, and keeps the effect finite
 * where length alone decides every row. The intercept has none, so that rows of equal lengths give the plain rate.
 */
const PENALTY = 0.01;

/** Newton's steps at most; ten are common. */
const MOST_STEPS = 100;

/**
 * Fits P(win) = 1 / (1 + exp(-(a + b · tanh(difference / sd)))) to the preferences by maximum likelihood, with a small L2
 * penalty on b, and returns 1 / (1 + exp(-a)). The form of the length's part is AlpacaEval 2's (Dubois et al.,
 * arXiv:2404.04475); the rest is not: no difficulty of a prompt, no regularization chosen by cross-validation. The error
 * is that of the inverse of the penalized Hessian. It takes a tie for two halves of a win and a loss, which makes it a
 * little wide. Null without rows.
 */
export function lengthControlled(rows: readonly LengthRow[]): LengthControlled | null {
  const n = rows.length;
  if (n === 0) return null;
  const rate = rows.reduce((sum, { preference }) => sum + preference, 0) / n;
  const mean = rows.reduce((sum, { difference }) => sum + difference, 0) / n;
  const squares = rows.reduce((sum, { difference }) => sum + (difference - mean) ** 2, 0);
  const none = { stderr: null, interval: null, effect: null, scale: null };
  const areEqual = rows.every(({ difference }) => difference === 0);
  if (!areEqual && squares === 0) {
    const what = n === 1 ? "there is one prompt" : `all answers differ by the same length`;
    return { ...none, rate: null, note: `${what}, so that what length does cannot be told` };
  }
  if (rate === 0 || rate === 1) {
    return { ...none, rate, note: `every prompt was ${rate === 1 ? "won" : "lost"}, whatever the lengths` };
  }
  const scale = areEqual ? null : Math.sqrt(squares / (n - 1));
  const points = rows.map(({ preference, difference }): Point => ({
    y: preference,
    x: scale === null ? 0 : Math.tanh(difference / scale),
  }));
  const { a, b, varianceOfA } = fit(points);
  const share = sigmoid(a);
  const error = Math.sqrt(varianceOfA);
  return {
    rate: share,
    stderr: share * (1 - share) * error,
    interval: { low: sigmoid(a - NORMAL_95 * error), high: sigmoid(a + NORMAL_95 * error) },
    effect: b,
    scale,
    note: null,
  };
}

interface Point {
  y: number;
  x: number;
}

/** Newton's method with halved steps: the penalized log-likelihood is concave, and never falls. */
function fit(points: readonly Point[]): { a: number; b: number; varianceOfA: number } {
  let [a, b] = [0, 0];
  let value = likelihood(points, { a, b });
  for (let step = 0; step < MOST_STEPS; step++) {
    const { ga, gb, aa, ab, bb } = curvature(points, { a, b });
    const determinant = aa * bb - ab * ab;
    const da = (bb * ga - ab * gb) / determinant;
    const db = (aa * gb - ab * ga) / determinant;
    let share = 1;
    let next = { a: a + da, b: b + db };
    let reached = likelihood(points, next);
    while (reached < value && share > 1e-10) {
      share /= 2;
      next = { a: a + share * da, b: b + share * db };
      reached = likelihood(points, next);
    }
    // What is left is rounding.
    if (reached < value) break;
    const moved = Math.abs(next.a - a) + Math.abs(next.b - b);
    ({ a, b } = next);
    value = reached;
    if (moved < 1e-12 * (1 + Math.abs(a) + Math.abs(b))) break;
  }
  const { aa, ab, bb } = curvature(points, { a, b });
  return { a, b, varianceOfA: bb / (aa * bb - ab * ab) };
}

/** The gradient of the penalized log-likelihood, and its negative second derivatives. */
function curvature(
  points: readonly Point[],
  { a, b }: { a: number; b: number },
): { ga: number; gb: number; aa: number; ab: number; bb: number } {
  const sums = { ga: 0, gb: -PENALTY * b, aa: 0, ab: 0, bb: PENALTY };
  for (const { x, y } of points) {
    const p = sigmoid(a + b * x);
    const weight = p * (1 - p);
    sums.ga += y - p;
    sums.gb += (y - p) * x;
    sums.aa += weight;
    sums.ab += weight * x;
    sums.bb += weight * x * x;
  }
  return sums;
}

function likelihood(points: readonly Point[], { a, b }: { a: number; b: number }): number {
  return points.reduce((sum, { x, y }) => {
    const z = a + b * x;
    return sum + y * z - (Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))));
  }, -PENALTY / 2 * b * b);
}

function sigmoid(z: number): number {
  return z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z));
}
