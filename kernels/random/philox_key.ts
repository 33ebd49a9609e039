/** Keys of Philox: which random numbers are whose (docs/method.md, "The random numbers"). @module */

/** What random numbers are for; no two share a number, so that none are drawn twice. */
export const PURPOSES = {
  /** The noise on the reference's logits. */
  noise: 0,
  /** The noise generator's first values. */
  noiseInit: 1,
  /** Sampling of tokens. */
  sampling: 2,
  /** The order of the rows in each epoch. */
  shuffling: 3,
  /** The shares and the order of data sets. */
  data: 4,
  /** Seeds that are sent to generating servers. */
  serverSeeds: 5,
  /** The first values of adapters. */
  adapterInit: 6,
  /** Dropout before adapters. */
  adapterDropout: 7,
} as const;

/** What random numbers are for. */
export type Purpose = keyof typeof PURPOSES;

/** The key of a purpose: (seed, iteration + purpose · 2²⁴), both u32; the iteration is below 2²⁴. */
export function philoxKey(
  seed: number,
  { iteration, purpose }: { iteration: number; purpose: Purpose },
): [number, number] {
  return [seed >>> 0, (iteration + PURPOSES[purpose] * 2 ** 24) >>> 0];
}
