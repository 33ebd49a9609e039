/** Cuts attention that alone takes longer than a submission should, by its tiles. @module */
import type { Commands } from "../device/commands.ts";
import type { WorkKind } from "../device/pace.ts";
import { type Slice, SLICE_ALIGNMENT, subslice } from "../device/slice.ts";

/** Bytes of a tile: its first token and their count. */
const TILE_BYTES = 8;
/** Parts begin where a slice may: at a multiple of so many tiles. */
const STEP = SLICE_ALIGNMENT / TILE_BYTES;

/** The products of each kernel: scores and sums; then scores, gradients of weights, and those of q, or of k and v. */
export const FORWARD = { kind: "forward", products: 2 } as const;
export const QUERY = { kind: "backward", products: 3 } as const;
export const KEY = { kind: "backward", products: 4 } as const;

/** What tells how long a dispatch takes, of a batch that `AttentionBatch` describes. */
export interface TiledWork {
  tiles: Slice;
  tileCount: number;
  heads: number;
  headDim: number;
  /** Pairs of a query and a key that it may see; 0 if they were not counted. */
  pairs: number;
}

/** Some of a batch's tiles, one after the other. */
export interface TilePart {
  first: number;
  /** Those tiles, and any that follow. */
  tiles: Slice;
  tileCount: number;
}

/**
 * The parts of a kernel that computes `products` numbers of heads for each pair; one where it is short enough, by what
 * is known of the device. A later tile sees more keys, up to twice as many as the mean.
 */
export function tileParts(
  { device: { pace } }: Commands,
  { tiles, tileCount, heads, headDim, pairs }: TiledWork,
  { kind, products }: { kind: WorkKind; products: number },
): TilePart[] {
  const seconds = pace.secondsOf(kind, 2 * products * heads * headDim * pairs);
  const count = Math.max(1, Math.ceil(Math.min(tileCount, seconds / pace.budget)));
  const step = Math.max(1, Math.floor(tileCount / count / STEP)) * STEP;
  if (count === 1 || step >= tileCount) return [{ first: 0, tiles, tileCount }];
  return Array.from({ length: Math.ceil(tileCount / step) }, (_, i) => {
    const first = i * step;
    const offset = first * TILE_BYTES;
    return {
      first,
      tiles: subslice(tiles, offset, tiles.size - offset),
      tileCount: Math.min(step, tileCount - first),
    };
  });
}

/** Records each part, and submits it where there are several. */
export function inParts(commands: Commands, parts: readonly TilePart[], record: (part: TilePart) => void): void {
  for (const part of parts) {
    record(part);
    if (parts.length > 1) commands.submit();
  }
}
