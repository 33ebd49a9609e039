/** Unrolling in generated WGSL. @module */

/** The texts of 0 … count − 1, one after another. */
export function unroll(count: number, text: (i: number) => string, separator = "\n"): string {
  return Array.from({ length: count }, (_, i) => text(i)).join(separator);
}
