/** Chooses the tile of a product by its sizes, the device and its tuning. @module */
import type { Device } from "../device/device.ts";
import type { MatmulPrecision } from "../device/precision.ts";
import type { DeviceFamily, TileClass } from "../device/tuning.ts";
import { isQuantized, type Storage } from "../storage/storage.ts";
import { isMatrix } from "./matmul_matrix_tile.ts";
import type { MatmulMode } from "./matmul_text.ts";
import {
  BROADCAST_TILES,
  type BroadcastVariant,
  type FullVariant,
  isBroadcast,
  type MatmulVariant,
  type MatrixVariant,
  VECTOR_TILE,
} from "./matmul_tiles.ts";

/** What a plan depends on besides the device. */
export interface MatmulSizes {
  /** c = a·b ("NN": a [m, k], b [k, n]), a·bᵀ ("NT": a [m, k], b [n, k]) or aᵀ·b ("TN": a [k, m], b [k, n]). */
  mode: MatmulMode;
  m: number;
  n: number;
  k: number;
  /** How b is stored (default "f32"); the others are for NN and NT. */
  bType?: Storage;
  /** How exactly to compute (default: as the recorder does). */
  precision?: MatmulPrecision;
}

/**
 * The vec4s of c that a lane of a GPU may have in all. It has up to 255 registers, for what it loads too: with 32 vec4s
 * NVIDIA's spill some of them to memory, with 64 everyone's spill hundreds (docs/gpu_stats.md).
 */
export const GPU_VECTORS = 16;
/** Only GPUs have subgroups of so many lanes. */
export const GPU_LANES = 32;

/** Products of at most this many rows are a class of their own. */
const FEW_ROWS = 16;
/** So are those of NT with at most this many: what a single sequence decodes, or a few. */
const LEAST_ROWS = VECTOR_TILE.rows;
/** Of c with at most this many columns the rest of a tile would be idle: it is turned, if it has rows to fill a tile. */
const FEW_COLUMNS = 32;
const TURNED_ROWS = 64;
/** Of sums of at most this many products writing c takes most of the time, which a turned tile does in longer stretches. */
const SHORT_SUM = 64;
/**
 * Rows of a of a multiple of so many numbers, 4 KiB, lie in one set of a core's first-level cache, so that each step reads
 * them anew: a tile of twice the columns does so half as often.
 */
const ONE_SET = 1024;
/** m·n·k from which a product is large. */
const LARGE = 2 ** 27;
/** m·n·k from which images pay off: their copies, and the passes that these end, take some 40 µs. */
export const IMAGE_WORK = 2 ** 21;

/** Workgroups that keep a device busy; for a GPU, two for each multiprocessor of a large one. */
export const BUSY = { cpu: 8, gpu: 264 } as const;

/** The tile that a device takes where this one suits the sizes: on a GPU none for which a lane has too few registers. */
export function fittingVariant<V extends MatmulVariant>(device: Device, variant: V): V | FullVariant {
  if (!isBroadcast(variant) || BROADCAST_TILES[variant].rows <= GPU_VECTORS || !isGpu(device)) return variant;
  return variant === "turned32" ? "turned16" : "broadcast16image";
}

/** Lanes that share a row of b. */
export function lanesOf({ subgroupSize, rowLanes }: Device): number {
  return subgroupSize || rowLanes;
}

/** Whether a device has the registers of a GPU. */
export function isGpu(device: Device): boolean {
  return device.family === "gpu" || lanesOf(device) >= GPU_LANES;
}

/**
 * The tile for a product without bias whose c has few columns, whose sums are short, or, for TN, whose c has few rows:
 * those of low-rank adapters. Undefined for others.
 */
export function thinVariant(device: Device, { mode, m, n, k, bType = "f32" }: MatmulSizes): FullVariant | undefined {
  const family = device.tuning?.family ?? device.family;
  const applies = family === "cpu" && device.subgroupSize > 0 && bType === "f32" && m * n * k >= IMAGE_WORK;
  if (!applies) return undefined;
  if (m >= TURNED_ROWS && n <= 16) return "turned16";
  if (m >= TURNED_ROWS && (n <= FEW_COLUMNS || k <= SHORT_SUM)) return fittingVariant(device, "turned32");
  if (mode !== "TN" || m > FEW_ROWS) return undefined;
  return m <= 8 ? "broadcast8image" : "broadcast16image";
}

/** The class of sizes that share a tuned tile. */
export function tileClass(
  { mode, m, n, k, precision = "float32" }: Pick<MatmulSizes, "mode" | "m" | "n" | "k" | "precision">,
): TileClass {
  const size = m * n * k < LARGE ? "small" : "large";
  if (precision !== "float32") return `${precision}/${Math.min(m, n) <= FEW_ROWS ? "few" : size}`;
  if (mode === "NT" && m <= LEAST_ROWS) return "NT/least";
  return `${mode}/${m <= FEW_ROWS ? "few" : size}`;
}

/** The tile that tuning has found for these sizes. */
export function tunedVariant(device: Device, sizes: MatmulSizes): FullVariant | undefined {
  const tiles = device.tuning?.tiles;
  const own = tileClass(sizes);
  // What was tuned without a class of the least rows has chosen for them too.
  return (tiles?.[own] ?? (own === "NT/least" ? tiles?.["NT/few"] : undefined)) as FullVariant | undefined;
}

/** The tile of subgroup matrices that tuning has found for these sizes. */
export function tunedMatrix(device: Device, sizes: MatmulSizes): MatrixVariant | undefined {
  const tile = device.tuning?.tiles[tileClass(sizes)];
  return isMatrix(tile) ? tile : undefined;
}

/**
 * The tile for the type of b. Where it is not f32 images pay off at any number of lanes. With 16 lanes a lane of NN
 * should own two vec4s of columns. For NT these make a loop over k of 45 KB, which one vec4 keeps within a core's
 * first-level cache of instructions (32 KiB).
 */
export function forType(
  variant: FullVariant,
  { mode, m, k, bType = "f32", lanes }: Pick<MatmulSizes, "mode" | "m" | "k" | "bType"> & { lanes: number },
): FullVariant {
  const few = fewRows(variant, { mode, m });
  if (few !== undefined) return few;
  if (bType === "f32" || !isBroadcast(variant) || BROADCAST_TILES[variant].rows <= 8) return variant;
  if (lanes < 16) return mode === "NT" && !suits32Rows(m) ? "broadcast16image" : "broadcast32image";
  if (mode === "NT" && isQuantized(bType)) {
    if (!suits32Rows(m)) return "broadcast16wide";
    return k % ONE_SET === 0 ? "broadcast32wide" : "broadcast32image";
  }
  return bType === "nf4" && suits26Rows(m) ? "broadcast26wide" : "broadcast32wide";
}

/**
 * Of the tiles of few rows that with as many as there are, images or none as in the variant that was measured: what one
 * sequence decodes, or two, would pay for rows that are not there. Undefined for other tiles.
 */
function fewRows(
  variant: MatmulVariant,
  { mode, m }: Pick<MatmulSizes, "mode" | "m">,
): BroadcastVariant | undefined {
  if (!isBroadcast(variant) || BROADCAST_TILES[variant].rows > 8) return undefined;
  const { image } = BROADCAST_TILES[variant];
  if (mode !== "NT" || m > 2) return image ? "broadcast8image" : "broadcast8";
  if (m === 2) return image ? "broadcast2image" : "broadcast2";
  return image ? "broadcast1image" : "broadcast1";
}

/** Whether tiles of 32 rows suit an NT by eights: one takes 0.88 of the time of two of 16 with 8 lanes, 0.95 with 16. */
function suits32Rows(m: number): boolean {
  return 2 * 0.88 * Math.ceil(m / 32) < Math.ceil(m / 16);
}

/**
 * Whether tiles of 26 rows suit an NN with an nf4 b. Its selects are so long that the loop over k of 32 rows leaves a
 * core's first-level cache of instructions (32 KiB); within it, a tile takes 0.7 of the time.
 */
function suits26Rows(m: number): boolean {
  return 0.7 * Math.ceil(m / 26) < Math.ceil(m / 32);
}

/** The tile for these sizes where nothing was tuned. */
export function chooseVariant(family: DeviceFamily, { mode, m, n, k }: MatmulSizes): FullVariant {
  if (family === "cpu") {
    // The largest tile takes longest to compile, for each mode, and is a quarter faster.
    const large = m * n * k >= LARGE;
    // Microseconds that a step of 4 k takes, measured with 16 lanes.
    const step = large ? 1.6 * Math.ceil(m / 64) : 1.05 * Math.ceil(m / 32);
    if (1.04 * Math.ceil(m / 8) * Math.ceil(n / 128) < step * Math.ceil(n / 64)) return "broadcast8";
    return large ? "broadcast64" : "broadcast32";
  }
  if (m <= FEW_ROWS) return mode === "NT" && m <= LEAST_ROWS ? "vector4" : "shared16";
  const tiles = (size: number): number => Math.ceil(m / size) * Math.ceil(n / size);
  if (tiles(128) >= BUSY.gpu / 2) return "shared128";
  return tiles(64) >= BUSY.gpu / 2 ? "shared64" : "shared32";
}
