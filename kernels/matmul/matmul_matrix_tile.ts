/** Chooses the tile of a product on subgroup matrices. @module */
import type { Device } from "../device/device.ts";
import type { MatmulPrecision } from "../device/precision.ts";
import type { Storage } from "../storage/storage.ts";
import { matrixBytes, type MatrixShape, type MatrixTile } from "./matmul_matrix.ts";
import type { MatmulMode } from "./matmul_text.ts";

/** From the largest to the smallest. */
const MATRIX_TILES = {
  matrix64: { rows: 64, columns: 64, depth: 32, down: 2, across: 2 },
  matrix32: { rows: 32, columns: 32, depth: 32, down: 2, across: 2 },
  matrix16: { rows: 16, columns: 16, depth: 32, down: 1, across: 1 },
} as const satisfies Record<MatrixVariant, MatrixTile>;

type MatrixVariant = "matrix64" | "matrix32" | "matrix16";

/** The names of these tiles. */
export const MATRIX_VARIANTS = Object.keys(MATRIX_TILES) as readonly MatrixVariant[];

/** Products of at most this many rows or columns take the smallest tile. */
const FEW = 16;

/** What the choice depends on besides the device. */
interface MatrixSizes {
  mode: MatmulMode;
  m: number;
  n: number;
  bType: Storage;
  precision: Exclude<MatmulPrecision, "float32">;
  /** Workgroups that keep the device busy. */
  busy: number;
}

/** Whether a tile is one of subgroup matrices. */
export function isMatrix(variant: string): variant is MatrixVariant {
  return variant in MATRIX_TILES;
}

/**
 * The tile that is asked for or suits the sizes, or the next smaller one that fits the device. Throws RangeError where the
 * device has no subgroup matrices, or none that fit a tile.
 */
export function matrixTile(
  device: Device,
  sizes: MatrixSizes,
  asked: MatrixVariant | undefined,
): { variant: MatrixVariant; shape: MatrixShape } {
  const { mode, bType, precision } = sizes;
  const { matrixSize: size, subgroupSize: lanes, limits } = device;
  if (size === 0) {
    throw new RangeError(
      `Cannot multiply in ${precision}: the device has no subgroup matrices of float16 with sums in float32`,
    );
  }
  const splits = precision === "float32x3";
  // Numbers of 16 bits have no low part.
  const lowB = splits && bType !== "bf16" && bType !== "f16";
  for (const variant of MATRIX_VARIANTS.slice(MATRIX_VARIANTS.indexOf(asked ?? suited(sizes)))) {
    const tile: MatrixTile = MATRIX_TILES[variant];
    const shape = { tile, size, lanes, lowA: splits, lowB };
    const { rows, columns, depth, down, across } = tile;
    const isWhole = rows / down % size === 0 && columns / across % size === 0 && depth % size === 0;
    const fits = lanes * down * across <= limits.maxComputeInvocationsPerWorkgroup &&
      matrixBytes(mode, shape) <= limits.maxComputeWorkgroupStorageSize;
    if (isWhole && fits) return { variant, shape };
  }
  throw new RangeError(
    `Cannot multiply in ${precision}: the device's subgroup matrices of ${size} rows with ${lanes} lanes fit no tile`,
  );
}

/** The largest tile of which there are enough for the whole device. */
function suited({ m, n, busy }: MatrixSizes): MatrixVariant {
  if (Math.min(m, n) <= FEW) return "matrix16";
  return Math.ceil(m / 64) * Math.ceil(n / 64) >= busy / 2 ? "matrix64" : "matrix32";
}
