/** The flat numbers that a training updates, and how they are cut among ranks. @module */
import { SLICE_ALIGNMENT } from "../../kernels/device/slice.ts";
import { evenBounds } from "../cluster/transport.ts";
import { chunkBounds } from "../train/owned_slices.ts";

/** Elements of each chunk that is trained, padding included. */
export interface TrainedChunks {
  /** Of the policy, or of its adapters. */
  policy: readonly number[];
  /** Of the noise generator; none without noise. */
  noise: readonly number[];
  /** Whether the policy is adapters. These are small: each rank updates all of them. */
  isAdapter: boolean;
}

/** The elements [ranks + 1] at which a chunk is cut that is summed in slices and updated by all ranks. */
export function sharedBounds(elements: number, ranks: number): number[] {
  return evenBounds(elements, ranks, SLICE_ALIGNMENT / 4);
}

/** The part whose owner has the most numbers to update of chunks that are cut among ranks. */
export function largestPart(chunks: readonly number[], ranks: number): number {
  const bounds = chunks.map((elements) => chunkBounds(elements, ranks));
  const owned = Array.from(
    { length: ranks },
    (_, part) => bounds.reduce((sum, at) => sum + at[part + 1]! - at[part]!, 0),
  );
  return owned.indexOf(Math.max(...owned));
}
