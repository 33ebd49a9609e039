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
  /** The most tokens of a tile. */
  tile: number;
  heads: number;
  headDim: number;
  tokens: number;
  /** The most tokens of a row (default: all of the batch). */
  longest?: number;
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
 * The parts of a kernel that computes `products` numbers of heads for each pair; one where all is short enough, by what
 * is known of the device. Else no part takes longer than a submission should if each of its tiles sees a whole row of the
 * longest, or is seen by it; but a part has 32 tiles at least.
 */
export function tileParts(
  { device: { pace } }: Commands,
  { tiles, tileCount, tile, heads, headDim, tokens, longest = tokens, pairs }: TiledWork,
  { kind, products }: { kind: WorkKind; products: number },
): TilePart[] {
  const secondsOf = (pairs: number): number => pace.secondsOf(kind, 2 * products * heads * headDim * pairs);
  const most = Math.floor(pace.budget / secondsOf(tile * longest) / STEP);
  const step = Math.max(1, most) * STEP;
  if (secondsOf(pairs) <= pace.budget || step >= tileCount) return [{ first: 0, tiles, tileCount }];
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
