/** Chooses the tile of a product and how it is cut, by the sizes, the device and its tuning. @module */
import type { Device } from "../device/device.ts";
import type { Extension } from "../device/extensions.ts";
import type { SourcePart } from "../device/source.ts";
import { SUBGROUP_MATRIX } from "../device/subgroup_matrix.ts";
import type { DeviceFamily, TileClass } from "../device/tuning.ts";
import { NF4_LEVELS, type Storage } from "../storage/storage.ts";
import type { LevelLookup } from "../storage/storage_text.ts";
import { broadcastText, type BroadcastTile } from "./matmul_broadcast.ts";
import { matrixBytes, matrixText } from "./matmul_matrix.ts";
import { isMatrix, type MatmulPrecision, MATRIX_VARIANTS, matrixTile } from "./matmul_matrix_tile.ts";
import { sharedText, type SharedTile } from "./matmul_shared.ts";
import type { MatmulAccess, MatmulMode } from "./matmul_text.ts";
import { vectorText, type VectorTile } from "./matmul_vector.ts";

/**
 * The tiles to choose from: `broadcast*` suit software rasterizers, `shared*` and `vector*` real GPUs; all run everywhere,
 * but `vector*` only for NT, and in its place `shared16` for the other modes. `turned*` are the broadcast tiles of as many
 * rows, with the columns of c as rows. `matrix*` need subgroup matrices, and a precision other than float32.
 */
export type MatmulVariant =
  | "broadcast64"
  | "broadcast32"
  | "broadcast32image"
  | "broadcast32wide"
  | "broadcast26wide"
  | "broadcast16image"
  | "broadcast8"
  | "broadcast8image"
  | "broadcast2"
  | "broadcast2image"
  | "broadcast1"
  | "broadcast1image"
  | "turned32"
  | "turned16"
  | "shared128"
  | "shared64"
  | "shared32"
  | "shared16"
  | "vector4"
  | "matrix64"
  | "matrix32"
  | "matrix16";

export type { MatmulPrecision };

type MatrixVariant = Extract<MatmulVariant, `matrix${string}`>;

/** The tiles that compute in float32. */
type FullVariant = Exclude<MatmulVariant, MatrixVariant>;
type BroadcastVariant = Extract<MatmulVariant, `broadcast${string}` | `turned${string}`>;
type SharedVariant = Extract<MatmulVariant, `shared${string}`>;

/** What a plan depends on besides the device. */
export interface MatmulSizes {
  /** c = a·b ("NN": a [m, k], b [k, n]), a·bᵀ ("NT": a [m, k], b [n, k]) or aᵀ·b ("TN": a [k, m], b [k, n]). */
  mode: MatmulMode;
  m: number;
  n: number;
  k: number;
  /** How b is stored (default "f32"); the others are for NN and NT. */
  bType?: Storage;
  /** How exactly to compute (default "float32"). */
  precision?: MatmulPrecision;
}

/**
 * Rows, columns over all lanes together, and whether a and b are copied into images and read from there: lavapipe reads
 * a buffer lane by lane, but an image for all lanes at once. A large tile with images would take ten seconds to
 * compile.
 */
const BROADCAST_TILES = {
  broadcast64: { rows: 64, columns: 64, image: false },
  broadcast32: { rows: 32, columns: 64, image: false },
  broadcast32image: { rows: 32, columns: 64, image: true },
  broadcast32wide: { rows: 32, columns: 128, image: true },
  broadcast26wide: { rows: 26, columns: 128, image: true },
  broadcast16image: { rows: 16, columns: 64, image: true },
  broadcast8: { rows: 8, columns: 128, image: false },
  broadcast8image: { rows: 8, columns: 128, image: true },
  broadcast2: { rows: 2, columns: 128, image: false },
  broadcast2image: { rows: 2, columns: 128, image: true },
  broadcast1: { rows: 1, columns: 128, image: false },
  broadcast1image: { rows: 1, columns: 128, image: true },
  turned32: { rows: 32, columns: 64, image: true },
  turned16: { rows: 16, columns: 64, image: true },
} as const satisfies Record<BroadcastVariant, { rows: number; columns: number; image: boolean }>;

const SHARED_TILES = {
  shared128: { rows: 128, columns: 128, depth: 16, threadRows: 8, threadColumns: 8 },
  shared64: { rows: 64, columns: 64, depth: 32, threadRows: 4, threadColumns: 4 },
  shared32: { rows: 32, columns: 32, depth: 32, threadRows: 4, threadColumns: 4 },
  shared16: { rows: 16, columns: 16, depth: 64, threadRows: 1, threadColumns: 4 },
} as const satisfies Record<SharedVariant, SharedTile>;

const VECTOR_TILE: VectorTile = { rows: 4, columns: 32, depth: 64 };

/**
 * The vec4s of c that a lane of a broadcast tile may have, for each lane: with four lanes a tile would else be unrolled to
 * texts that take up to a minute to compile.
 */
const LANE_VECTORS = 16;
/**
 * The vec4s of c that a lane of a GPU may have in all. It has up to 255 registers, for what it loads too: with 32 vec4s
 * NVIDIA's spill some of them to memory, with 64 everyone's spill hundreds (docs/gpu_stats.md).
 */
const GPU_VECTORS = 16;
/** Only GPUs have subgroups of so many lanes. */
const GPU_LANES = 32;

/** The vec4s of c of a lane whose tile has one row or two, which a quantized b unrolls over many k: more are no faster. */
const FEW_ROWS_VECTORS = 2;

/** Products of at most this many rows are a class of their own. */
const FEW_ROWS = 16;
/** So are those of NT with at most this many: what a single sequence decodes, or a few. */
const LEAST_ROWS = VECTOR_TILE.rows;
/** Of c with at most this many columns the rest of a tile would be idle: it is turned, if it has rows to fill a tile. */
const FEW_COLUMNS = 32;
const TURNED_ROWS = 64;
/** Of sums of at most this many products writing c takes most of the time, which a turned tile does in longer stretches. */
const SHORT_SUM = 64;
/** m·n·k from which a product is large. */
const LARGE = 2 ** 27;
/** m·n·k from which images pay off: their copies, and the passes that these end, take some 40 µs. */
const IMAGE_WORK = 2 ** 21;

/** Workgroups that keep a device busy; for a GPU, two for each multiprocessor of a large one. */
const BUSY = { cpu: 8, gpu: 264 } as const;

/** How a product is cut, and the text of its tile. */
export interface MatmulPlan {
  variant: MatmulVariant;
  /** Rows of c that a workgroup owns. */
  rows: number;
  /** Columns of c that a workgroup owns. */
  columns: number;
  /** Length of a block of k. The sum over a block starts from 0 and is then added to c. */
  block: number;
  /** Workgroups that keep the device busy; with fewer, blocks of k run side by side. */
  busy: number;
  source: (access: MatmulAccess) => SourcePart;
  /** Identifies the tile's text; part of the kernel's name. */
  key: string;
  /** Features that the text needs. */
  requires: readonly Extension[];
  /** How exactly it computes; other than in float32, by the exponents of rows and columns. */
  precision: MatmulPrecision;
  /** Whether to read operands from images if they fit. */
  image: boolean;
  /** How to look up nf4's levels. */
  levels: LevelLookup;
  /** Whether a and b are exchanged, and c is written with its columns as the tile's rows. */
  turned: boolean;
  /** Whether to write four columns of c at once if its layout allows. */
  writesFour: boolean;
  /** Whether to read a b that is not f32 eight elements at once if its layout allows. */
  wide: boolean;
  /** Whether lanes may load the codes and scales of a quantized b together, from an image, for NN. */
  deals: boolean;
  /** Whether a lane loads the codes of a quantized b, and their scales, for a span of k at once, for NT. */
  spans: boolean;
}

/**
 * The plan of a product. `variant` asks for a tile, and for its images whatever the sizes. For NN and NT all tiles of a
 * family cut k at the same places, so that their sums are the same. Throws RangeError for a precision that the tile or the
 * device does not have.
 */
export function planFor(device: Device, sizes: MatmulSizes, variant?: MatmulVariant): MatmulPlan {
  const { precision = "float32" } = sizes;
  if (variant !== undefined && isMatrix(variant) !== (precision !== "float32")) {
    throw new RangeError(
      `Cannot multiply: tile is ${variant} for ${precision}, expected one of ${
        VARIANTS.filter((name) => isMatrix(name) !== isMatrix(variant)).join(", ")
      }`,
    );
  }
  if (precision !== "float32") return matrixPlan(device, { ...sizes, precision }, variant as MatrixVariant | undefined);
  const lanes = lanesOf(device);
  const chosen = (variant ?? fittingVariant(
    device,
    forType(tunedVariant(device, sizes) ?? chooseVariant(device.tuning?.family ?? device.family, sizes), {
      ...sizes,
      lanes,
    }),
  )) as FullVariant;
  const storage = device.limits.maxComputeWorkgroupStorageSize;
  if (chosen === "vector4") {
    return sizes.mode === "NT" ? vectorPlan(sizes, storage) : sharedPlan("shared16", sizes, storage);
  }
  if (!isBroadcast(chosen)) return sharedPlan(chosen, sizes, storage);
  const subgroups = device.subgroupSize > 0;
  const asked = variant !== undefined || sizes.m * sizes.n * sizes.k >= IMAGE_WORK;
  // Without subgroups each row of a needs a load of its own, so that more rows gain nothing.
  const most = isGpu(device) ? Math.min(GPU_VECTORS, LANE_VECTORS * lanes) : LANE_VECTORS * lanes;
  return broadcastPlan(subgroups ? chosen : "broadcast8", sizes, { lanes, subgroups, image: asked, most });
}

/** The tile that a device takes where this one suits the sizes: on a GPU none for which a lane has too few registers. */
export function fittingVariant(device: Device, variant: MatmulVariant): MatmulVariant {
  if (!isBroadcast(variant) || BROADCAST_TILES[variant].rows <= GPU_VECTORS || !isGpu(device)) return variant;
  return variant === "turned32" ? "turned16" : "broadcast16image";
}

function lanesOf({ subgroupSize, rowLanes }: Device): number {
  return subgroupSize || rowLanes;
}

function isGpu(device: Device): boolean {
  return device.family === "gpu" || lanesOf(device) >= GPU_LANES;
}

/**
 * The tile for a product without bias whose c has few columns, whose sums are short, or, for TN, whose c has few rows:
 * those of low-rank adapters. Undefined for others.
 */
export function thinVariant(device: Device, { mode, m, n, k, bType = "f32" }: MatmulSizes): MatmulVariant | undefined {
  const family = device.tuning?.family ?? device.family;
  const applies = family === "cpu" && device.subgroupSize > 0 && bType === "f32" && m * n * k >= IMAGE_WORK;
  if (!applies) return undefined;
  if (m >= TURNED_ROWS && n <= 16) return "turned16";
  if (m >= TURNED_ROWS && (n <= FEW_COLUMNS || k <= SHORT_SUM)) return fittingVariant(device, "turned32");
  if (mode !== "TN" || m > FEW_ROWS) return undefined;
  return m <= 8 ? "broadcast8image" : "broadcast16image";
}

function broadcastPlan(
  variant: BroadcastVariant,
  { mode, bType = "f32" }: MatmulSizes,
  { lanes, subgroups, image, most }: { lanes: number; subgroups: boolean; image: boolean; most: number },
): MatmulPlan {
  const { rows, columns, image: hasImages } = BROADCAST_TILES[variant];
  const fitting = Math.min(rows <= 2 ? FEW_ROWS_VECTORS : Infinity, Math.floor(most / rows));
  const tile: BroadcastTile = { rows, vectors: Math.max(1, Math.min(columns / 4 / lanes, fitting)), lanes, subgroups };
  return {
    variant,
    rows,
    columns: 4 * lanes * tile.vectors,
    // A panel of b with 128 columns and this many k stays in a core's second-level cache.
    block: 512,
    busy: BUSY.cpu,
    source: (access) => ({
      name: "kernels/matmul/matmul_broadcast.ts (generated)",
      text: broadcastText(access, tile),
    }),
    key: `broadcast ${rows}x${4 * lanes * tile.vectors} by ${lanes} lanes${subgroups ? "" : " without subgroups"}`,
    requires: subgroups ? ["subgroups"] : [],
    precision: "float32",
    image: hasImages && image,
    // With 8 lanes a shuffle is one instruction of a CPU with AVX2.
    levels: subgroups && lanes === 8 ? "shuffle" : "select",
    turned: variant.startsWith("turned"),
    writesFour: true,
    wide: bType !== "f32" && (mode === "NT" || tile.vectors % 2 === 0),
    // A tile of fewer lanes has only a part of a scale's group.
    deals: subgroups && lanes >= 8 && tile.vectors % 2 === 0,
    // With many lanes its codes and scales take more registers than a lane has (docs/gpu_stats.md).
    spans: lanes < GPU_LANES,
  };
}

function sharedPlan(variant: SharedVariant, { mode, m, n, k }: MatmulSizes, storage: number): MatmulPlan {
  const tile = SHARED_TILES[variant];
  const tiles = Math.ceil(m / 64) * Math.ceil(n / 64);
  // Only the blocks of weight gradients may depend on m, as their rows are not tokens. No block may depend on the tile.
  const wanted = Math.ceil(k * tiles / BUSY.gpu / 64) * 64;
  return {
    variant,
    rows: tile.rows,
    columns: tile.columns,
    block: mode === "TN" ? Math.min(1024, Math.max(128, wanted)) : 1024,
    busy: BUSY.gpu,
    source: (access) => ({ name: "kernels/matmul/matmul_shared.ts (generated)", text: sharedText(access, tile) }),
    key: variant,
    requires: [],
    precision: "float32",
    image: false,
    levels: levelsBeside(tile.depth * (tile.rows + tile.columns), storage),
    turned: false,
    writesFour: true,
    wide: false,
    deals: false,
    spans: false,
  };
}

/** How to look up levels beside a tile of so many numbers: the largest tiles take all that a device has at least. */
function levelsBeside(numbers: number, storage: number): LevelLookup {
  return 4 * (numbers + NF4_LEVELS.length) <= storage ? "shared" : "select";
}

function vectorPlan(sizes: MatmulSizes, storage: number): MatmulPlan {
  const { bType = "f32" } = sizes;
  const { rows, columns, depth } = VECTOR_TILE;
  return {
    ...sharedPlan("shared16", sizes, storage),
    variant: "vector4",
    rows,
    columns,
    // Partial sums of so few rows are small, and each block of k is a chain of its own.
    busy: Infinity,
    source: (access) => ({
      name: "kernels/matmul/matmul_vector.ts (generated)",
      text: vectorText(access, VECTOR_TILE),
    }),
    key: "vector4",
    levels: levelsBeside(2 * depth * columns, storage),
    writesFour: false,
    wide: bType !== "f32",
  };
}

/** The plan of a product on subgroup matrices. */
function matrixPlan(
  device: Device,
  sizes: MatmulSizes & { precision: Exclude<MatmulPrecision, "float32"> },
  asked: MatrixVariant | undefined,
): MatmulPlan {
  const { mode, m, n, k, bType = "f32", precision } = sizes;
  const busy = BUSY[device.family];
  const { variant, shape } = matrixTile(device, { mode, m, n, bType, precision, busy }, asked);
  const wanted = Math.ceil(k * Math.ceil(m / 64) * Math.ceil(n / 64) / busy / 64) * 64;
  return {
    variant,
    rows: shape.tile.rows,
    columns: shape.tile.columns,
    // Matrix units may cut the sums' last digits off, which adds up along a block.
    block: mode === "TN" ? Math.min(512, Math.max(128, wanted)) : 512,
    busy,
    source: (access) => ({ name: "kernels/matmul/matmul_matrix.ts (generated)", text: matrixText(access, shape) }),
    key: `${variant} ${precision} of ${shape.size} by ${shape.lanes} lanes`,
    requires: ["subgroups", "shader-f16", SUBGROUP_MATRIX],
    precision,
    image: false,
    levels: levelsBeside(matrixBytes(mode, shape) / 4, device.limits.maxComputeWorkgroupStorageSize),
    turned: false,
    writesFour: true,
    wide: false,
    deals: false,
    spans: false,
  };
}

function isBroadcast(variant: MatmulVariant): variant is BroadcastVariant {
  return variant in BROADCAST_TILES;
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

/** The class of sizes that share a tuned tile. */
export function tileClass({ mode, m, n, k }: Pick<MatmulSizes, "mode" | "m" | "n" | "k">): TileClass {
  if (mode === "NT" && m <= LEAST_ROWS) return "NT/least";
  return `${mode}/${m <= FEW_ROWS ? "few" : m * n * k < LARGE ? "small" : "large"}`;
}

function tunedVariant(device: Device, sizes: MatmulSizes): FullVariant | undefined {
  const tiles = device.tuning?.tiles;
  const own = tileClass(sizes);
  // What was tuned without a class of the least rows has chosen for them too.
  return (tiles?.[own] ?? (own === "NT/least" ? tiles?.["NT/few"] : undefined)) as FullVariant | undefined;
}

/**
 * The tile for the type of b. Where it is not f32 images pay off at any number of lanes, and a lane should own two
 * vec4s of columns. NT does two steps at once, for which a subgroup of 8 lanes has registers for 16 rows only.
 */
function forType(
  variant: FullVariant,
  { mode, m, bType = "f32", lanes }: Pick<MatmulSizes, "mode" | "m" | "bType"> & { lanes: number },
): FullVariant {
  const few = fewRows(variant, { mode, m });
  if (few !== undefined) return few;
  if (bType === "f32" || !isBroadcast(variant) || BROADCAST_TILES[variant].rows <= 8) return variant;
  if (lanes >= 16) return bType === "nf4" && suits26Rows(m) ? "broadcast26wide" : "broadcast32wide";
  return mode === "NT" ? "broadcast16image" : "broadcast32image";
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

/**
 * Whether tiles of 26 rows suit an nf4 b. Its selects are so long that the loop over k of 32 rows leaves a core's
 * first-level cache of instructions (32 KiB); within it, a tile takes 0.7 of the time.
 */
function suits26Rows(m: number): boolean {
  return 0.7 * Math.ceil(m / 26) < Math.ceil(m / 32);
}

function chooseVariant(family: DeviceFamily, { mode, m, n, k }: MatmulSizes): FullVariant {
  if (family === "cpu") {
    // The largest tile takes a second to compile for each mode, twice as long as the next, and is a quarter faster.
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
