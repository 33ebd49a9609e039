/**
 * Which elements of the flat parameters a rank updates: each chunk is cut among the ranks, so that a rank keeps the
 * moments of its own elements alone. @module
 */
import { SLICE_ALIGNMENT } from "../../kernels/device/slice.ts";
import { NORM_BLOCK, squaredNormPartials } from "../../kernels/optimizer/gradient_norm.ts";
import { evenBounds } from "../cluster/transport.ts";
import type { ParameterLayout } from "../model/parameter_layout.ts";

/** A part of several. */
export interface Owner {
  /** Number of the part, from 0. */
  readonly part: number;
  /** How many parts there are. */
  readonly parts: number;
}

/** The owner of everything. */
export const UNDIVIDED_OWNER: Owner = { part: 0, parts: 1 };

/** Elements of a chunk that follow one another. */
export interface OwnedSlice {
  first: number;
  count: number;
}

/**
 * The elements [parts + 1] at which a chunk is cut: multiples of the blocks of its norm, so that a block's partial sum is
 * made by one rank.
 */
export function chunkBounds(elements: number, parts: number): number[] {
  return evenBounds(elements, parts, NORM_BLOCK);
}

/** The elements [ranks + 1] at which a chunk is cut that is summed in slices and updated by all ranks. */
export function sharedBounds(elements: number, ranks: number): number[] {
  return evenBounds(elements, ranks, SLICE_ALIGNMENT / 4);
}

/** What `owner` has of each chunk of a layout; nothing of some, perhaps. */
export function ownedSlices({ chunks }: Pick<ParameterLayout, "chunks">, { part, parts }: Owner): OwnedSlice[] {
  return chunks.map(({ elements }) => {
    const bounds = chunkBounds(elements, parts);
    return { first: bounds[part]!, count: bounds[part + 1]! - bounds[part]! };
  });
}

/** Where each chunk's partial sums of the norm lie among those of all. */
export function normBlocks({ chunks }: Pick<ParameterLayout, "chunks">): OwnedSlice[] {
  let first = 0;
  return chunks.map(({ elements }) => {
    const count = squaredNormPartials([elements]);
    const blocks = { first, count };
    first += count;
    return blocks;
  });
}
