/** The flat numbers that a training updates, and how they are cut among ranks. @module */
import { SLICE_ALIGNMENT } from "../../kernels/device/slice.ts";
import { evenBounds } from "../cluster/transport.ts";

/** Elements of each chunk that is trained, padding included: of the policy, and of the noise generator. */
export interface TrainedChunks {
  policy: readonly number[];
  noise: readonly number[];
  /** Whether the policy is adapters. These are small: each rank updates all of them. */
  isAdapter: boolean;
}

/** Elements whose squares make one partial sum of the gradients' norm. A rank makes whole ones. */
export const NORM_BLOCK = 16_384;

/** The elements [ranks + 1] at which a chunk is cut of which each rank updates its slice. */
export function ownedBounds(elements: number, ranks: number): number[] {
  return evenBounds(elements, ranks, NORM_BLOCK);
}

/** The elements [ranks + 1] at which a chunk is cut that is summed in slices and updated by all ranks. */
export function sharedBounds(elements: number, ranks: number): number[] {
  return evenBounds(elements, ranks, SLICE_ALIGNMENT / 4);
}
