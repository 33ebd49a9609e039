/** The tiles of products. @module */
import { MATRIX_VARIANTS } from "./matmul_matrix_tile.ts";
import type { SharedTile } from "./matmul_shared.ts";
import type { VectorTile } from "./matmul_vector.ts";

/**
 * The tiles to choose from: `broadcast*` suit software rasterizers, `shared*` and `vector*` real GPUs; all run everywhere,
 * but `vector*` only for NT, and in its place `shared16` for the other modes. `turned*` are the broadcast tiles of as many
 * rows, with the columns of c as rows. `matrix*` need subgroup matrices, and a precision other than float32.
 */
export type MatmulVariant =
  | "broadcast32"
  | "broadcast32image"
  | "broadcast32wide"
  | "broadcast26wide"
  | "broadcast16wide"
  | "broadcast16image"
  | "broadcast8"
  | "broadcast8image"
  | "broadcast2"
  | "broadcast2image"
  | "broadcast1"
  | "broadcast1image"
  | "turned64"
  | "turned32"
  | "turned16"
  | "shared128"
  | "shared64"
  | "shared32"
  | "shared16"
  | "vector4"
  | "matrix128"
  | "matrix64"
  | "matrix32"
  | "matrix16";

export type MatrixVariant = Extract<MatmulVariant, `matrix${string}`>;

/** The tiles that compute in float32. */
export type FullVariant = Exclude<MatmulVariant, MatrixVariant>;
export type BroadcastVariant = Extract<MatmulVariant, `broadcast${string}` | `turned${string}`>;
export type TurnedVariant = Extract<MatmulVariant, `turned${string}`>;
export type SharedVariant = Extract<MatmulVariant, `shared${string}`>;

/**
 * Rows, columns over all lanes together, and whether a and b are copied into images and read from there: lavapipe reads
 * a buffer lane by lane, but an image for all lanes at once.
 */
export const BROADCAST_TILES = {
  broadcast32: { rows: 32, columns: 64, image: false },
  broadcast32image: { rows: 32, columns: 64, image: true },
  broadcast32wide: { rows: 32, columns: 128, image: true },
  broadcast26wide: { rows: 26, columns: 128, image: true },
  broadcast16wide: { rows: 16, columns: 128, image: true },
  broadcast16image: { rows: 16, columns: 64, image: true },
  broadcast8: { rows: 8, columns: 128, image: false },
  broadcast8image: { rows: 8, columns: 128, image: true },
  broadcast2: { rows: 2, columns: 128, image: false },
  broadcast2image: { rows: 2, columns: 128, image: true },
  broadcast1: { rows: 1, columns: 128, image: false },
  broadcast1image: { rows: 1, columns: 128, image: true },
  turned64: { rows: 64, columns: 64, image: true },
  turned32: { rows: 32, columns: 64, image: true },
  turned16: { rows: 16, columns: 64, image: true },
} as const satisfies Record<BroadcastVariant, { rows: number; columns: number; image: boolean }>;

export const SHARED_TILES = {
  shared128: { rows: 128, columns: 128, depth: 16, threadRows: 8, threadColumns: 8 },
  shared64: { rows: 64, columns: 64, depth: 32, threadRows: 4, threadColumns: 4 },
  shared32: { rows: 32, columns: 32, depth: 32, threadRows: 4, threadColumns: 4 },
  shared16: { rows: 16, columns: 16, depth: 64, threadRows: 1, threadColumns: 4 },
} as const satisfies Record<SharedVariant, SharedTile>;

export const VECTOR_TILE: VectorTile = { rows: 4, columns: 32, depth: 64 };

/** Whether a tile is read row by row and broadcast over lanes. */
export function isBroadcast(variant: MatmulVariant): variant is BroadcastVariant {
  return variant in BROADCAST_TILES;
}

/** Whether a tile's rows are columns of c. */
export function isTurned(variant: MatmulVariant): variant is TurnedVariant {
  return variant.startsWith("turned");
}

/** The names of all tiles. */
export const VARIANTS: readonly MatmulVariant[] = [
  ...Object.keys(BROADCAST_TILES) as BroadcastVariant[],
  ...Object.keys(SHARED_TILES) as SharedVariant[],
  "vector4",
  ...MATRIX_VARIANTS,
];

/** Whether a value is the name of a tile. */
export function isVariant(value: unknown): value is MatmulVariant {
  return (VARIANTS as readonly unknown[]).includes(value);
}
