/** Matrix products in float32. @module */
import reduceSource from "./matmul_reduce.wgsl" with { type: "text" };
import { type Commands, grid } from "../device/commands.ts";
import type { Device, DeviceFamily, Slice } from "../device/device.ts";
import { INVOCATION } from "../device/invocation.ts";
import { defineKernel, type Kernel } from "../device/kernel.ts";
import type { SourcePart } from "../device/source.ts";
import type { TileClass } from "../device/tuning.ts";
import { byWidth, defineWidths } from "../vector.ts";
import { broadcastText, type BroadcastTile } from "./matmul_broadcast.ts";
import { fitsImage, imageOf, scratchOf } from "./matmul_kept.ts";
import { sharedText, type SharedTile } from "./matmul_shared.ts";
import { type MatmulAccess, type MatmulBType, type MatmulMode, matmulUniforms } from "./matmul_text.ts";

export { freeMatmul } from "./matmul_kept.ts";
export type { MatmulBType, MatmulMode };

/** The tiles to choose from: `broadcast*` suit software rasterizers, `shared*` real GPUs; all run everywhere. */
export type MatmulVariant = keyof typeof BROADCAST_TILES | keyof typeof SHARED_TILES;

/** Buffers and sizes of {@linkcode matmul}. */
export interface Matmul {
  /** c = a·b ("NN": a [m, k], b [k, n]), a·bᵀ ("NT": a [m, k], b [n, k]) or aᵀ·b ("TN": a [k, m], b [k, n]). */
  mode: MatmulMode;
  /** Output: f32 [m, n]. */
  c: Slice;
  /** f32. */
  a: Slice;
  /** `bType`. */
  b: Slice;
  /** Added to every row of c: f32 [n]. */
  bias?: Slice;
  m: number;
  n: number;
  k: number;
  /** Elements from one row of a to the next as stored (default: its columns). */
  lda?: number;
  /** As `lda`, for b; even where b is bf16. */
  ldb?: number;
  /** As `lda`, for c. */
  ldc?: number;
  /** Add to c instead of overwriting it (default false). */
  accumulate?: boolean;
  /** How b is stored (default "f32"); "bf16", two to a u32 with the lower half first, for NN and NT. */
  bType?: MatmulBType;
  /** The tile to use (default: by the device's tuning, its family and the sizes). */
  variant?: MatmulVariant;
}

/**
 * Rows, columns over all lanes together, and whether a and b are copied into images and read from there: lavapipe reads
 * a buffer lane by lane, an image for all lanes at once. A large tile over images would compile for ten seconds.
 */
const BROADCAST_TILES = {
  broadcast64: { rows: 64, columns: 64, image: false },
  broadcast32: { rows: 32, columns: 64, image: false },
  broadcast32image: { rows: 32, columns: 64, image: true },
  broadcast32wide: { rows: 32, columns: 128, image: true },
  broadcast16image: { rows: 16, columns: 64, image: true },
  broadcast8: { rows: 8, columns: 128, image: false },
  broadcast8image: { rows: 8, columns: 128, image: true },
} as const;

const SHARED_TILES = {
  shared128: { rows: 128, columns: 128, depth: 16, threadRows: 8, threadColumns: 8 },
  shared64: { rows: 64, columns: 64, depth: 32, threadRows: 4, threadColumns: 4 },
  shared32: { rows: 32, columns: 32, depth: 32, threadRows: 4, threadColumns: 4 },
  shared16: { rows: 16, columns: 16, depth: 64, threadRows: 1, threadColumns: 4 },
} as const satisfies Record<string, SharedTile>;

/** How one product is cut: the tile's text and size, and k's blocks. */
interface MatmulPlan {
  rows: number;
  columns: number;
  /** Length of a block of k, whose sum is made from 0 and then added to c. */
  block: number;
  /** Workgroups that keep the device busy: with fewer, blocks of k run side by side. */
  busy: number;
  source: (access: MatmulAccess) => SourcePart;
  key: string;
  subgroups: boolean;
  image: boolean;
  /** Whether b is bf16 and may be read eight elements at once. */
  wide: boolean;
}

/** The most that partial results may take. */
const SCRATCH_BYTES = 32 * 1024 * 1024;

const FEW_ROWS = 16;
const LARGE = 2 ** 27;
/** m·n·k from which images pay: their copies, and the passes that these end, take some 40 µs. */
const IMAGE_WORK = 2 ** 21;

/** Workgroups that keep a device busy; on GPUs two for each multiprocessor of a large one. */
const BUSY = { cpu: 8, gpu: 264 } as const;

const reduce = defineWidths({
  name: "matmul_reduce",
  code: [INVOCATION, { name: "kernels/matmul/matmul_reduce.wgsl", text: reduceSource }],
  bindings: { c: "readWrite", partial: "read", bias: "read" },
  uniforms: { rows: "u32", columns: "u32", stride: "u32", blocks: "u32", accumulate: "u32", add_bias: "u32" },
});

type MatmulKernel = Kernel<"c" | "a" | "b" | "bias", typeof matmulUniforms>;

const kernels = new Map<string, MatmulKernel>();

/**
 * Records c (+)= op(a)·op(b) (+ bias).
 *
 * Within a family of tiles c is the same bit for bit whatever the tile; for NN and NT a row of c is the same whatever m,
 * too. Throws RangeError for strides or a storage type that do not fit.
 */
export function matmul(commands: Commands, call: Matmul): void {
  const { mode, c, a, b, bias, m, n, k, accumulate = false, bType = "f32" } = call;
  const { lda = mode === "TN" ? m : k, ldb = mode === "NT" ? k : n, ldc = n } = call;
  check(call, { lda, ldb, ldc });
  if (m === 0 || n === 0) return;
  const plan = planFor(commands.device, call);
  const tiles = Math.ceil(m / plan.rows) * Math.ceil(n / plan.columns);
  const blocks = Math.max(1, Math.ceil(k / plan.block));
  const aBytes = spanOf({ rows: mode === "TN" ? k : m, columns: mode === "TN" ? m : k, stride: lda, bytes: 4 });
  const spanB = { rows: mode === "NT" ? n : k, columns: mode === "NT" ? k : n, stride: ldb };
  const wideBytes = spanOf({ ...spanB, bytes: 2, per: 8 });
  const bWide = plan.wide && ldb % 8 === 0 && wideBytes <= b.size;
  const bBytes = bWide ? wideBytes : spanOf({ ...spanB, bytes: bType === "f32" ? 4 : 2 });
  const aVec = lda % 4 === 0 && aBytes <= a.size;
  const bVec = ldb % 4 === 0 && bBytes <= b.size;
  const access: MatmulAccess = {
    mode,
    bType,
    aVec,
    bVec,
    bWide,
    aImage: plan.image && aVec && fitsImage(commands.device, a, aBytes),
    bImage: plan.image && (bType === "f32" ? bVec : bWide) && fitsImage(commands.device, b, bBytes),
    cVec: n % 4 === 0 && ldc % 4 === 0,
    // Weight gradients sum over tokens, of which there is any number: one text for all.
    ragged: mode === "TN" || k % (bWide && mode === "NT" ? 8 : 4) !== 0,
  };
  const sizes = { m, n, lda, ldb, k_block: plan.block };
  const workgroups = [Math.ceil(m / plan.rows), Math.ceil(n / plan.columns)] as const;
  const operands = {
    c,
    a: access.aImage ? imageOf(commands, a, { role: "a", bytes: aBytes, format: "rgba32float" }) : a,
    b: access.bImage
      ? imageOf(commands, b, { role: "b", bytes: bBytes, format: bType === "f32" ? "rgba32float" : "rgba32uint" })
      : b,
    bias: bias ?? b,
  };
  if (blocks > 1 && tiles < plan.busy && blocks * m * n * 4 <= SCRATCH_BYTES) {
    const partial = scratchOf(commands, blocks * m * n * 4);
    commands.dispatch(kernelFor(plan, { ...access, cVec: n % 4 === 0 }), {
      buffers: { ...operands, c: partial },
      uniforms: { ...sizes, k_first: 0, k_last: k, ldc: n, c_block: m * n, accumulate: 0, add_bias: 0 },
      workgroups: [...workgroups, blocks],
    });
    const { kernel, width } = byWidth(reduce, n, ldc);
    const lanes = commands.device.rowLanes;
    commands.dispatch(kernel, {
      buffers: { c, partial, bias: bias ?? partial },
      uniforms: {
        rows: m,
        columns: n / width,
        stride: ldc / width,
        blocks,
        accumulate: accumulate ? 1 : 0,
        add_bias: bias ? 1 : 0,
      },
      workgroups: grid(commands.device, Math.ceil(m * n / width / lanes)),
      constants: { LANES: lanes },
    });
    return;
  }
  const kernel = kernelFor(plan, access);
  for (let block = 0; block < blocks; block++) {
    commands.dispatch(kernel, {
      buffers: operands,
      uniforms: {
        ...sizes,
        ldc,
        k_first: block * plan.block,
        k_last: Math.min(k, (block + 1) * plan.block),
        c_block: 0,
        accumulate: accumulate || block > 0 ? 1 : 0,
        add_bias: bias && block === blocks - 1 ? 1 : 0,
      },
      workgroups,
    });
  }
}

function check(
  { mode, m, n, k, bType }: Matmul,
  { lda, ldb, ldc }: { lda: number; ldb: number; ldc: number },
): void {
  const strides = [["lda", lda, mode === "TN" ? m : k], ["ldb", ldb, mode === "NT" ? k : n], ["ldc", ldc, n]] as const;
  for (const [name, stride, columns] of strides) {
    if (stride < columns) {
      throw new RangeError(`Cannot multiply: ${name} is ${stride}, expected at least its ${columns} columns`);
    }
  }
  if (bType === "bf16" && (mode === "TN" || ldb % 2 !== 0)) {
    throw new RangeError(
      `Cannot multiply: mode is ${mode} with a bf16 b of stride ${ldb}, expected NN or NT and an even stride`,
    );
  }
}

/** Bytes of an operand whose rows are read `per` elements at once, up to the last read's end. */
function spanOf(
  { rows, columns, stride, bytes, per = 4 }: {
    rows: number;
    columns: number;
    stride: number;
    bytes: number;
    per?: number;
  },
): number {
  return Math.max(0, (rows - 1) * stride + Math.ceil(columns / per) * per) * bytes;
}

/** For NN and NT all tiles of a family cut k at the same places, so that their sums are the same. */
function planFor(device: Device, call: Matmul): MatmulPlan {
  const lanes = device.subgroupSize || device.rowLanes;
  const variant = call.variant ?? forType(
    tunedVariant(device, call) ?? chooseVariant(device.tuning?.family ?? device.family, call),
    { ...call, lanes },
  );
  if (isBroadcast(variant)) {
    const subgroups = device.subgroupSize > 0;
    // Without subgroups each row of a is a load of its own, so that more rows gain nothing.
    const { rows, columns, image } = BROADCAST_TILES[subgroups ? variant : "broadcast8"];
    const tile: BroadcastTile = { rows, vectors: Math.max(1, columns / 4 / lanes), lanes, subgroups };
    return {
      rows,
      columns: 4 * lanes * tile.vectors,
      // A panel of b, 128 columns by this, stays in a core's second-level cache.
      block: 512,
      busy: BUSY.cpu,
      source: (access) => ({
        name: "kernels/matmul/matmul_broadcast.ts (generated)",
        text: broadcastText(access, tile),
      }),
      key: Object.values(tile).join(),
      subgroups,
      image: image && (call.variant !== undefined || call.m * call.n * call.k >= IMAGE_WORK),
      wide: call.bType === "bf16" && (call.mode === "NT" || tile.vectors % 2 === 0),
    };
  }
  const tile = SHARED_TILES[variant];
  const tiles = Math.ceil(call.m / 64) * Math.ceil(call.n / 64);
  // Only weight gradients' blocks may depend on m: their rows are not tokens. No block may depend on the tile.
  const wanted = Math.ceil(call.k * tiles / BUSY.gpu / 64) * 64;
  return {
    rows: tile.rows,
    columns: tile.columns,
    block: call.mode === "TN" ? Math.min(1024, Math.max(128, wanted)) : 1024,
    busy: BUSY.gpu,
    source: (access) => ({ name: "kernels/matmul/matmul_shared.ts (generated)", text: sharedText(access, tile) }),
    key: variant,
    subgroups: false,
    image: false,
    wide: false,
  };
}

function isBroadcast(variant: MatmulVariant): variant is keyof typeof BROADCAST_TILES {
  return variant in BROADCAST_TILES;
}

/** Whether a value is the name of a tile. */
export function isVariant(value: unknown): value is MatmulVariant {
  return typeof value === "string" && (Object.hasOwn(BROADCAST_TILES, value) || Object.hasOwn(SHARED_TILES, value));
}

/** The class of sizes that share a tuned tile. */
export function tileClass({ mode, m, n, k }: Pick<Matmul, "mode" | "m" | "n" | "k">): TileClass {
  return `${mode}/${m <= FEW_ROWS ? "few" : m * n * k < LARGE ? "small" : "large"}`;
}

function tunedVariant(device: Device, call: Matmul): MatmulVariant | undefined {
  return device.tuning?.tiles[tileClass(call)] as MatmulVariant | undefined;
}

/**
 * The tile for b's type: with bf16 a lane wants two vec4s of columns, and images at either width; NT does two steps at
 * once, for which 8 lanes have too few registers with more rows.
 */
function forType(
  variant: MatmulVariant,
  { mode, bType, lanes }: Pick<Matmul, "mode" | "bType"> & { lanes: number },
): MatmulVariant {
  if (bType !== "bf16" || !isBroadcast(variant) || BROADCAST_TILES[variant].rows <= 8) return variant;
  if (lanes >= 16) return "broadcast32wide";
  return mode === "NT" ? "broadcast16image" : "broadcast32image";
}

function chooseVariant(family: DeviceFamily, { m, n, k }: Matmul): MatmulVariant {
  if (family === "cpu") {
    // The largest tile takes a second to compile for each mode, twice the next one's, and wins a quarter.
    const large = m * n * k >= LARGE;
    // Microseconds of a step of 4 k, measured with 16 lanes.
    const step = large ? 1.6 * Math.ceil(m / 64) : 1.05 * Math.ceil(m / 32);
    if (1.04 * Math.ceil(m / 8) * Math.ceil(n / 128) < step * Math.ceil(n / 64)) return "broadcast8";
    return large ? "broadcast64" : "broadcast32";
  }
  if (m <= FEW_ROWS) return "shared16";
  const tiles = (size: number): number => Math.ceil(m / size) * Math.ceil(n / size);
  if (tiles(128) >= BUSY.gpu / 2) return "shared128";
  return tiles(64) >= BUSY.gpu / 2 ? "shared64" : "shared32";
}

function kernelFor(plan: MatmulPlan, access: MatmulAccess): MatmulKernel {
  const key = `${plan.key} ${Object.values(access).join()}`;
  let kernel = kernels.get(key);
  if (!kernel) {
    kernel = defineKernel({
      name: `matmul ${key}`,
      code: [plan.source(access)],
      bindings: {
        c: "readWrite",
        a: access.aImage ? "rgba32float" : "read",
        b: !access.bImage ? "read" : access.bType === "f32" ? "rgba32float" : "rgba32uint",
        bias: "read",
      },
      uniforms: matmulUniforms,
      ...(plan.subgroups ? { requires: ["subgroups"] as const } : {}),
    });
    kernels.set(key, kernel);
  }
  return kernel;
}
