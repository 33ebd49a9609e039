/** How the LM head is cut: windows of the vocabulary (tiles) and of the entries (chunks). @module */
import type { Device } from "../device/device.ts";
import { mostRounds } from "../device/rounds.ts";
import type { Slice } from "../device/slice.ts";
import { windowOn } from "../window.ts";

/**
 * Sizes of the LM head's scratch, and how the work is cut to fit it. The columns of a tile depend on vocab, hidden and
 * the device only, so that an entry's result does not depend on how many entries there are.
 */
export interface LmHeadPlan {
  /** Entries at a time. */
  readonly chunkRows: number;
  /** Rows of the LM head's weight (vocabulary) at a time. */
  readonly tileColumns: number;
  /** Bytes of each scratch buffer. Only the functions with noise need `noiseLogits`. */
  readonly bytes: Readonly<Record<"state" | "logits" | "noiseLogits", number>>;
}

/** A plan and its scratch. These are separate buffers because a dispatch writes one while it reads another. */
export interface LmHeadScratch {
  readonly plan: LmHeadPlan;
  readonly state: Slice;
  readonly logits: Slice;
}

/** Scratch of the functions with noise. */
export interface LmHeadNoiseScratch extends LmHeadScratch {
  readonly noiseLogits: Slice;
}

/** What {@linkcode lmHeadScratch} depends on. */
export interface LmHeadSizes {
  /** The most entries that a call will have. */
  maxRows: number;
  vocab: number;
  hidden: number;
  /** The most columns of a tile, rounded down to a multiple of 64 (default 8192). */
  tileColumns?: number;
  /** The most bytes of a scratch buffer of logits (default 32 MiB), unless 64 rows take more. */
  tileBytes?: number;
}

// 64 rows or columns of f32 are 256 bytes, the alignment of slices.
const UNIT = 64;

/** Plans the LM head's scratch, which the caller allocates once: up to two buffers of `tileBytes`, and a small one. */
export function lmHeadScratch(
  device: Device,
  { maxRows, tileBytes = 32 * 1024 * 1024, ...sizes }: LmHeadSizes,
): LmHeadPlan {
  const columns = tileRows(device, sizes);
  const most = largestPiece(device);
  const rows = Math.min(
    down(Math.min(tileBytes, most) / (columns * 4)),
    down(most / (sizes.hidden * 4)),
    up(maxRows),
    // lm_head_noise_bias adds a chunk's rows up in one loop.
    down(mostRounds(device)),
  );
  const logits = rows * columns * 4;
  // Each row has two states of a vec4f: clean and noised.
  return { chunkRows: rows, tileColumns: columns, bytes: { state: rows * 32, logits, noiseLogits: logits } };
}

/**
 * Rows of the LM head's weight at a time. A weight that lies in several buffers must be cut at multiples of them: no
 * tile lies in two, and the tiles are the same as those of one buffer.
 */
export function tileRows(
  device: Device,
  { vocab, hidden, tileColumns = 8192 }: Pick<LmHeadSizes, "vocab" | "hidden" | "tileColumns">,
): number {
  return Math.min(down(tileColumns), down(largestPiece(device) / (hidden * 4)), up(vocab));
}

/** Bytes of the largest buffer that can be bound whole. */
function largestPiece({ limits }: Device): number {
  return Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
}

function down(count: number): number {
  return Math.max(UNIT, Math.floor(count / UNIT) * UNIT);
}

function up(count: number): number {
  return Math.max(UNIT, Math.ceil(count / UNIT) * UNIT);
}

/** The rows of an f32 matrix [.., columns] from `first` on, as many as a chunk may have. */
export function chunkOf(
  device: Device,
  matrix: Slice,
  { first, columns, plan }: { first: number; columns: number; plan: LmHeadPlan },
): Slice {
  const rowBytes = columns * 4;
  return windowOn(device, matrix, { first, rowBytes, limit: plan.chunkRows * rowBytes });
}
