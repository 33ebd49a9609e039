/** How sure a share or a mean is, and a difference of two. @module */
import { type Interval, wilson } from "../evaluate/win_rate.ts";

/** A share of `rows`. */
export interface Share {
  share: number;
  rows: number;
}

/** A mean and its standard error. */
export interface MeanError {
  mean: number;
  stderr: number;
}

/** Standard errors of half a 95 % interval. */
const Z = 1.96;

/** The 95 % interval of a mean of many values. */
export function meanInterval({ mean, stderr }: MeanError): Interval {
  return { low: mean - Z * stderr, high: mean + Z * stderr };
}

/** The 95 % interval of `to` − `from`, which are taken as independent: of two models on the same prompts a little wide. */
export function meanDifference(from: MeanError, to: MeanError): Interval {
  return meanInterval({ mean: to.mean - from.mean, stderr: Math.hypot(from.stderr, to.stderr) });
}

/** The standard error of a share, with n − 1 as of a mean of 0s and 1s; null of a single row, and of a share of 0 or 1. */
export function shareError({ share, rows }: Share): number | null {
  // Of rows that are all alike the formula gives 0, which would say that other rows must be so too. Wilson's interval
  // says how far they need not.
  return rows < 2 || share === 0 || share === 1 ? null : Math.sqrt(share * (1 - share) / (rows - 1));
}

/**
 * Newcombe's 95 % interval of `to` − `from`, made of Wilson's of the two (R. G. Newcombe, 1998, method 10). It takes them
 * as independent: of two models on the same prompts it is a little wide.
 */
export function differenceInterval(from: Share, to: Share): Interval {
  const [a, b] = [wilson(from.share, from.rows), wilson(to.share, to.rows)];
  const difference = to.share - from.share;
  return {
    low: difference - Math.hypot(to.share - b.low, a.high - from.share),
    high: difference + Math.hypot(b.high - to.share, from.share - a.low),
  };
}
