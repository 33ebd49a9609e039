/** The flat numbers that a training updates, and how they are cut among ranks. @module */
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

/** The part whose owner has the most numbers to update of chunks that are cut among ranks. */
export function largestPart(chunks: readonly number[], ranks: number): number {
  const bounds = chunks.map((elements) => chunkBounds(elements, ranks));
  const owned = Array.from(
    { length: ranks },
    (_, part) => bounds.reduce((sum, at) => sum + at[part + 1]! - at[part]!, 0),
  );
  return owned.indexOf(Math.max(...owned));
}
