/** How exactly matrix products are computed. @module */

/**
 * How exactly products are computed. Sums are in float32 in each.
 *
 * - `float32`: factors in float32;
 * - `float32x3`: each factor as the sum of two numbers of float16, whose products are summed but that of both lower parts:
 *   an error of about 2^-21 of the product of the row's and the column's norms;
 * - `float16`: factors rounded to float16's eleven bits: about 2^-11.
 *
 * In the latter two a factor is scaled by a power of two into float16's range, and numbers that are not finite give what
 * float32 gives. They need a device with subgroup matrices.
 */
export type MatmulPrecision = "float32" | "float32x3" | "float16";

/** The precisions. */
export const MATMUL_PRECISIONS = ["float32", "float32x3", "float16"] as const satisfies readonly MatmulPrecision[];
