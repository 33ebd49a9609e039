/** Unrolling in generated WGSL. @module */

/** Joins the texts for i = 0 … count − 1. */
export function unroll(count: number, text: (i: number) => string, separator = "\n"): string {
  return Array.from({ length: count }, (_, i) => text(i)).join(separator);
}
