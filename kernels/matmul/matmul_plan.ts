/** How a product is cut, and the text of its tile. @module */
import type { Device } from "../device/device.ts";
import type { Extension } from "../device/extensions.ts";
import { loadsBeforeBroadcasts } from "../device/lavapipe.ts";
import type { SourcePart } from "../device/source.ts";
import { NF4_LEVELS } from "../storage/storage.ts";
import type { LevelLookup } from "../storage/storage_text.ts";
import { broadcastText, type BroadcastTile } from "./matmul_broadcast.ts";
import {
  BUSY,
  chooseVariant,
  fittingVariant,
  GPU_LANES,
  GPU_VECTORS,
  isGpu,
  lanesOf,
  type MatmulSizes,
  readsImages,
  tunedVariant,
} from "./matmul_choice.ts";
import { fittedTile } from "./matmul_fitted.ts";
import { sharedText } from "./matmul_shared.ts";
import type { MatmulAccess } from "./matmul_text.ts";
import {
  BROADCAST_TILES,
  type BroadcastVariant,
  type FullVariant,
  isBroadcast,
  SHARED_TILES,
  type SharedVariant,
  VECTOR_TILE,
} from "./matmul_tiles.ts";
import { vectorText } from "./matmul_vector.ts";

/**
 * The vec4s of c that a lane of a broadcast tile may have, for each lane: with four lanes a tile would else be unrolled to
 * texts that take up to a minute to compile.
 */
const LANE_VECTORS = 16;
/** The vec4s of c of a lane whose tile has one row or two, which a quantized b unrolls over many k: more are no faster. */
const FEW_ROWS_VECTORS = 2;

/** How a product is cut, and the text of its tile. */
export interface MatmulPlan {
  variant: FullVariant;
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
  /** Whether to read operands from images if they fit. */
  image: boolean;
  /** Whether a is among them. */
  imageOfA: boolean;
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
 * The plan of a product in float32. `variant` asks for a tile, and for its images whatever the sizes. For NN and NT all
 * tiles of a family cut k at the same places, so that their sums are the same.
 */
export function planFor(device: Device, sizes: MatmulSizes, variant?: FullVariant): MatmulPlan {
  const lanes = lanesOf(device);
  const tile = (): FullVariant => {
    const known = { ...sizes, lanes, lavapipe: device.lavapipe };
    const ofClass = tunedVariant(device, sizes) ?? chooseVariant(device.tuning?.family ?? device.family, known);
    return fittingVariant(device, fittedTile(ofClass, known));
  };
  const chosen = variant ?? tile();
  const storage = device.limits.maxComputeWorkgroupStorageSize;
  if (chosen === "vector4") {
    return sizes.mode === "NT" ? vectorPlan(sizes, storage) : sharedPlan("shared16", sizes, storage);
  }
  if (!isBroadcast(chosen)) return sharedPlan(chosen, sizes, storage);
  const loads = loadsBeforeBroadcasts(device.lavapipe, lanes);
  const subgroups = device.subgroupSize > 0 && !loads;
  const asked = variant !== undefined || readsImages(sizes);
  // Without subgroups each row of a needs a load of its own, so that more rows gain nothing, unless it serves all lanes.
  const most = isGpu(device) ? Math.min(GPU_VECTORS, LANE_VECTORS * lanes) : LANE_VECTORS * lanes;
  return broadcastPlan(subgroups || loads ? chosen : "broadcast8", sizes, { lanes, subgroups, image: asked, most });
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
    image: hasImages && image,
    // Only from a buffer is what all lanes need loaded once.
    imageOfA: subgroups,
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
    image: false,
    imageOfA: false,
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
