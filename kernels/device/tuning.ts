/** Which variants of the kernels a device runs. @module */

/** The family of kernels that suits the adapter: a software rasterizer on the CPU, or a real GPU. */
export type DeviceFamily = "cpu" | "gpu";

/**
 * A choice of kernel variants: what kernels/tune.ts measured, or the fixed default. Only `family` can change the bits
 * of a result; tiles change the speed alone.
 */
export interface Tuning {
  /** The family of the matmul's tiles. */
  readonly family: DeviceFamily;
  /** The matmul's tile for each {@linkcode TileClass}. If one is missing, the sizes of the product decide. */
  readonly tiles: Readonly<Partial<Record<TileClass, string>>>;
}

/**
 * Products that share a tile, by mode and size: `least` have at most 4 rows, `few` at most 16, `large` at least 2²⁷
 * multiplications. Those on subgroup matrices share one whatever the mode, by precision.
 */
export type TileClass =
  | `${"NN" | "NT" | "TN" | "float32x3" | "float16"}/${"few" | "small" | "large"}`
  | "NT/least";
