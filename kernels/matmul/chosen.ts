/** Choosing among values by bits, in generated WGSL. @module */

/**
 * The part that bits choose: the first where all are 0, the second where only bit 0 is 1, and so on; `isSet` is the
 * text that tells whether a bit is 1. The number of parts is a power of two.
 */
export function chosen(parts: readonly string[], isSet: (bit: number) => string): string {
  for (let bit = 0; parts.length > 1; bit++) {
    const odd = parts.filter((_, i) => i % 2 === 1);
    parts = odd.map((part, i) => `select(${parts[2 * i]}, ${part}, ${isSet(bit)})`);
  }
  return parts[0]!;
}
