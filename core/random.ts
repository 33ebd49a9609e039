/** Keys of the random numbers that are not the noise (METHOD, "The random numbers"). @module */

/** Philox purposes (the key's second word is iteration + purpose · 2²⁴). */
export const PURPOSE = { noiseInit: 1, sampling: 2, shuffling: 3, data: 4 } as const;

/** Philox's key for a purpose other than the noise itself. */
export function purposeKey(
  seed: number,
  { iteration, purpose }: { iteration: number; purpose: number },
): [number, number] {
  return [seed >>> 0, (iteration + purpose * 2 ** 24) >>> 0];
}
