/** Chooses the tile of a product on subgroup matrices. @module */
import type { Device } from "../device/device.ts";
import type { MatmulPrecision } from "../device/precision.ts";
import type { DeviceFamily } from "../device/tuning.ts";
import type { Storage } from "../storage/storage.ts";
import { matrixBytes, type MatrixShape, type MatrixTile } from "./matmul_matrix.ts";

/** From the largest to the smallest. */
export const MATRIX_TILES = {
  matrix128: { rows: 128, columns: 128, down: 2, across: 2 },
  matrix64: { rows: 64, columns: 64, down: 2, across: 2 },
  matrix32: { rows: 32, columns: 32, down: 2, across: 2 },
  matrix16: { rows: 16, columns: 16, down: 1, across: 1 },
} as const satisfies Record<MatrixVariant, MatrixTile>;

export type MatrixVariant = "matrix128" | "matrix64" | "matrix32" | "matrix16";

/** A precision that takes these tiles. */
export type MatrixPrecision = Exclude<MatmulPrecision, "float32">;

/** The names of these tiles. */
export const MATRIX_VARIANTS = Object.keys(MATRIX_TILES) as readonly MatrixVariant[];

/** Products of at most this many rows or columns take the smallest tile. */
const FEW = 16;

/** What the choice depends on besides the device. */
export interface MatrixSizes {
  m: number;
  n: number;
  bType?: Storage;
  precision: MatrixPrecision;
}

/** Whether a tile is one of subgroup matrices. */
export function isMatrix(variant: unknown): variant is MatrixVariant {
  return typeof variant === "string" && variant in MATRIX_TILES;
}

/** Steps of k that a loop of a GPU takes at a time, so that loads of one go on beside the products of another. */
const GPU_STEPS = 4;

/** How a device computes a tile; null where its matrices or its workgroups do not fit. */
export function matrixShape(
  { matrix: unit, limits, family }: Pick<Device, "matrix" | "limits" | "family">,
  variant: MatrixVariant,
  { bType = "f32", precision }: Pick<MatrixSizes, "bType" | "precision">,
): MatrixShape | null {
  if (unit === null) return null;
  const splits = precision === "float32x3";
  const tile = MATRIX_TILES[variant];
  const { rows, columns, down, across } = tile;
  const shape = {
    tile,
    unit,
    lowA: splits,
    // Numbers of 16 bits have no low part.
    lowB: splits && bType !== "bf16" && bType !== "f16",
    steps: family === "gpu" ? GPU_STEPS : 1,
  };
  const threads = unit.lanes * down * across;
  const isWhole = rows / down % unit.m === 0 && columns / across % unit.n === 0 && threads % unit.mostLanes === 0;
  const fits = threads <= limits.maxComputeInvocationsPerWorkgroup &&
    matrixBytes(shape) <= limits.maxComputeWorkgroupStorageSize;
  return isWhole && fits ? shape : null;
}

/**
 * The tile that is asked for, or suits the sizes, or else the next smaller, or larger, one that fits the device. Throws RangeError where the
 * device has no subgroup matrices, or none that fit a tile.
 */
export function matrixTile(
  device: Pick<Device, "matrix" | "limits" | "family">,
  sizes: MatrixSizes,
  { asked, busy }: { asked: MatrixVariant | undefined; busy: number },
): { variant: MatrixVariant; shape: MatrixShape } {
  const { precision } = sizes;
  const { matrix } = device;
  if (matrix === null) {
    throw new RangeError(
      `Cannot multiply in ${precision}: the device has no subgroup matrices of float16 with sums in float32`,
    );
  }
  const first = MATRIX_VARIANTS.indexOf(asked ?? suitedMatrix(device.family, sizes, busy));
  for (const variant of [...MATRIX_VARIANTS.slice(first), ...MATRIX_VARIANTS.slice(0, first).toReversed()]) {
    const shape = matrixShape(device, variant, sizes);
    if (shape !== null) return { variant, shape };
  }
  const { m, n, k, lanes } = matrix;
  throw new RangeError(
    `Cannot multiply in ${precision}: the device's subgroup matrices of ${m}x${n}x${k} with ${lanes} lanes fit no tile`,
  );
}

/** The largest tile of which there are enough for the whole device: `busy` workgroups keep it busy. */
function suitedMatrix(family: DeviceFamily, { m, n }: MatrixSizes, busy: number): MatrixVariant {
  if (Math.min(m, n) <= FEW) return "matrix16";
  // On a CPU the larger ones take several seconds to compile.
  if (family === "cpu") return "matrix32";
  const tiles = (size: number): number => Math.ceil(m / size) * Math.ceil(n / size);
  if (tiles(128) >= busy / 2) return "matrix128";
  return tiles(64) >= busy / 2 ? "matrix64" : "matrix32";
}
