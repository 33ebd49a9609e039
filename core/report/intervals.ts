/** How sure a share is, and a difference of two shares. @module */
import { type Interval, wilson } from "../evaluate/win_rate.ts";

/** A share of `rows`. */
export interface Share {
  share: number;
  rows: number;
}

/** Half the width of Wilson's 95 % interval of a share, which is the ± beside it. */
export function errorOf({ share, rows }: Share): number {
  const { low, high } = wilson(share, rows);
  return (high - low) / 2;
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
