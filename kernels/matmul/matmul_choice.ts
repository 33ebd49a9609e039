/** Chooses the tile of a product by its sizes, the device and its tuning. @module */
import type { Device } from "../device/device.ts";
import { compilesSlowly } from "../device/lavapipe.ts";
import type { MatmulPrecision } from "../device/precision.ts";
import type { DeviceFamily, TileClass } from "../device/tuning.ts";
import type { Storage } from "../storage/storage.ts";
import { isMatrix } from "./matmul_matrix_tile.ts";
import type { MatmulMode } from "./matmul_text.ts";
import {
  BROADCAST_TILES,
  type FullVariant,
  isBroadcast,
  isTurned,
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
/** Of sums of at most this many products writing c takes most of the time. */
const SHORT_SUM = 64;
/** m·n·k from which a product is large. */
const LARGE = 2 ** 27;
/** m·n·k below which a CPU takes less time to multiply with fewer rows than to compile a text of more. */
export const TINY = 2 ** 26;
/** From so many lanes on 64 rows of a turned tile are faster than 32: with fewer their sums leave the registers too often. */
const LANES_OF_64_ROWS = 16;
/** m·n·k from which images pay off: their copies, and the passes that these end, take some 40 µs. */
const IMAGE_WORK = 2 ** 21;
/** m·n·k from which images are taken where c has more than few rows: they cost less than to compile a text for buffers. */
export const LEAST_IMAGE_WORK = 2 ** 19;

/** Workgroups that keep a device busy; for a GPU, two for each multiprocessor of a large one. */
export const BUSY = { cpu: 8, gpu: 264 } as const;

/** Whether a product reads its factors from images, where its tile does. */
export function readsImages({ m, n, k }: Pick<MatmulSizes, "m" | "n" | "k">): boolean {
  return m * n * k >= (m <= FEW_ROWS ? IMAGE_WORK : LEAST_IMAGE_WORK);
}

/** The tile that a device takes where this one suits the sizes: on a GPU none for which a lane has too few registers. */
export function fittingVariant<V extends MatmulVariant>(device: Device, variant: V): V | FullVariant {
  if (!isBroadcast(variant) || BROADCAST_TILES[variant].rows <= GPU_VECTORS || !isGpu(device)) return variant;
  return isTurned(variant) ? "turned16" : "broadcast16image";
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
 * The tile for a product whose c has few columns, whose sums are short, or, for TN, whose c has few rows: those of
 * low-rank adapters. Undefined for others.
 */
export function thinVariant(device: Device, { mode, m, n, k, bType = "f32" }: MatmulSizes): FullVariant | undefined {
  const family = device.tuning?.family ?? device.family;
  const applies = family === "cpu" && device.subgroupSize > 0 && bType === "f32" && readsImages({ m, n, k });
  if (!applies) return undefined;
  if (m >= TURNED_ROWS && (n <= FEW_COLUMNS || k <= SHORT_SUM)) {
    return n <= 16 || m * n * k < TINY ? "turned16" : fittingVariant(device, "turned32");
  }
  if (mode !== "TN" || m > FEW_ROWS) return undefined;
  return m <= 8 ? "broadcast8image" : "broadcast16image";
}

/** Whether large products may take 64 rows: they are the text that takes longest to compile. */
export function suits64Rows({ lanes, lavapipe }: { lanes: number } & Pick<Device, "lavapipe">): boolean {
  return lanes >= LANES_OF_64_ROWS && !compilesSlowly(lavapipe);
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

/** The tile for these sizes where nothing was tuned, before its rows and the type of b are looked at (matmul_fitted.ts). */
export function chooseVariant(
  family: DeviceFamily,
  { mode, m, n, k, lanes, lavapipe }: MatmulSizes & { lanes: number } & Pick<Device, "lavapipe">,
): FullVariant {
  if (family === "cpu") {
    if (m <= FEW_ROWS) {
      // Microseconds that a step of 4 k takes, measured with 16 lanes.
      return 1.04 * Math.ceil(m / 8) * Math.ceil(n / 128) < 1.05 * Math.ceil(n / 64) ? "broadcast8" : "broadcast32";
    }
    const work = m * n * k;
    if (work < TINY) return "turned16";
    return work >= LARGE && suits64Rows({ lanes, lavapipe }) ? "turned64" : "turned32";
  }
  if (m <= FEW_ROWS) return mode === "NT" && m <= LEAST_ROWS ? "vector4" : "shared16";
  const tiles = (size: number): number => Math.ceil(m / size) * Math.ceil(n / size);
  if (tiles(128) >= BUSY.gpu / 2) return "shared128";
  return tiles(64) >= BUSY.gpu / 2 ? "shared64" : "shared32";
}
