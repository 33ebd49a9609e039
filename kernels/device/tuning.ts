/** Which variants of the kernels a device runs. @module */

/** Which family of kernels suits the adapter: a software rasterizer on the CPU, or a real GPU. */
export type DeviceFamily = "cpu" | "gpu";

/**
 * A choice of kernel variants, by measuring (kernels/tune.ts) or the fixed default. Of all this only `family` can change
 * the bits of a result; tiles change the speed alone.
 */
export interface Tuning {
  /** Family of the matmul's tiles. */
  readonly family: DeviceFamily;
  /** Tiles of the matmul by {@linkcode TileClass}; where one is missing, the sizes alone decide. */
  readonly tiles: Readonly<Partial<Record<TileClass, string>>>;
}

/** The matmuls that share a tile: by mode, and by size, where `few` is at most 16 rows, and `large` 2²⁷ products. */
export type TileClass = `${"NN" | "NT" | "TN"}/${"few" | "small" | "large"}`;
