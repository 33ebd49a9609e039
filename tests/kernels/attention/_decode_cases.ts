/** Shapes that decoding attention is tested with. @module */
import type { HeadSizes } from "./_attention_batch.ts";

/** Rows of these numbers of tokens, and their heads. */
export interface DecodeCase extends HeadSizes {
  lengths: readonly number[];
  window: number;
}

/** Columns of a token's q, k and v. */
export function columnsOf({ heads, kvHeads, headDim }: HeadSizes): number {
  return (heads + 2 * kvHeads) * headDim;
}

/** Shapes for a kernel that finds q rotated and k in the cache. */
export const cases: readonly DecodeCase[] = [
  { lengths: [1, 2, 15, 16, 17, 100], heads: 2, kvHeads: 2, headDim: 8, window: 0 },
  { lengths: [63, 64, 65, 3], heads: 4, kvHeads: 2, headDim: 6, window: 0 },
  { lengths: [70, 1, 20], heads: 4, kvHeads: 1, headDim: 12, window: 7 },
  { lengths: [40, 5], heads: 2, kvHeads: 1, headDim: 64, window: 0 },
  { lengths: [30, 2], heads: 2, kvHeads: 1, headDim: 8, scale: 1, window: 0 },
];

/** Shapes for a kernel that rotates. */
export const unrotatedCases: readonly DecodeCase[] = [
  ...cases,
  // Groups of query heads: three of six in a workgroup, and five that do not fit into one.
  { lengths: [1, 9, 33], heads: 12, kvHeads: 2, headDim: 64, window: 0 },
  { lengths: [1, 18], heads: 10, kvHeads: 2, headDim: 128, window: 3 },
  // Eleven that do not fit into a workgroup of a GPU: one for each, of which one stores.
  { lengths: [1, 34], heads: 11, kvHeads: 1, headDim: 8, window: 0 },
];

/**
 * What a GPU's kernels are tested with: texts of several heads of 64 and more compile for half a minute on a CPU, and a
 * scale is one text's number in all of them.
 */
export const gpuUnrotatedCases: readonly DecodeCase[] = unrotatedCases.filter(({ heads, headDim, scale }) =>
  scale === undefined && !(heads > 2 && headDim >= 64)
);

/** What they are tested with over rounded caches. */
export const gpuRoundedCases: readonly DecodeCase[] = cases.slice(0, 2);

/** A case in the name of a test. */
export function nameOf({ lengths, heads, kvHeads, headDim, window, scale }: DecodeCase): string {
  const end = scale === undefined ? "" : `, scale ${scale}`;
  return `${lengths}, ${heads}/${kvHeads} heads of ${headDim}, window ${window}${end}`;
}
