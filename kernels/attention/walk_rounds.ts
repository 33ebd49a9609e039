/** The rounds of attention's walks over a batch, of which a CPU's driver grants a dispatch only so many. @module */
import { checkRounds, mostRounds, type RoundsDevice } from "../device/rounds.ts";
import { FORWARD_BLOCK } from "./attention_forward_source.ts";
import { BACKWARD_BLOCK } from "./attention_source.ts";
import { blockOf } from "./attention_text.ts";
import { BLOCK, blockSizes } from "./blocked_attention.ts";
import { type WalkPart, walkParts } from "./walk_parts.ts";

/** A batch, and what walks over it. */
export interface Walk {
  tokens: number;
  longest?: number;
  tileCount: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  /** Lanes of the subgroup that is a workgroup; 0 where blocks pass through workgroup memory. */
  lanes: number;
  /** The most tokens of a tile. */
  tile: number;
  /** Rounds that the loops of a dispatch may have (default: those that the device grants). */
  rounds?: number;
}

/** The most tokens that a row can have. */
function longestRow({ tokens, longest = tokens, tileCount, tile }: Walk): number {
  return Math.min(longest, tileCount * tile);
}

/** Throws RangeError if the longest row would have too many rounds. */
export function checkForward(device: RoundsDevice, walk: Walk): void {
  if (walk.lanes === 0) return checkBlocked(device, { ...walk, kernel: "attention", members: 1 });
  checkRounds("attention", {
    what: "tokens",
    count: longestRow(walk),
    // The prefix's last block may be short, as the segment's may, and a round ends the loop.
    most: (mostRounds(device) - 3) * blockOf(walk, FORWARD_BLOCK),
  });
}

/**
 * The parts of the backward walks; null where a dispatch can have the whole of each. Throws RangeError where blocks pass
 * through workgroup memory and the longest row would have too many rounds.
 */
export function backwardParts(device: RoundsDevice, walk: Walk): { queries: WalkPart[]; keys: WalkPart[] } | null {
  const { heads, kvHeads, lanes, rounds = mostRounds(device) } = walk;
  const members = heads / kvHeads;
  if (lanes === 0) {
    checkBlocked(device, { ...walk, kernel: "attention_backward_key", members });
    return null;
  }
  // A prefix's last block may be short too.
  const blocks = Math.ceil(longestRow(walk) / blockOf(walk, BACKWARD_BLOCK)) + 1;
  const keys = walkParts({ blocks, members, rounds });
  return keys.length > 1 ? { queries: walkParts({ blocks, members: 1, rounds }), keys } : null;
}

/** Two products of each kind are the most that a kernel has for a block: scores by chunks, and sums by steps. */
function checkBlocked(device: RoundsDevice, walk: Walk & { kernel: string; members: number }): void {
  const { chunks, step } = blockSizes(walk.headDim, 2);
  const ofBlock = 2 * (chunks + 1) + 2 * (BLOCK / step + 1) + 1;
  checkRounds(walk.kernel, {
    what: walk.members > 1 ? `tokens of ${walk.members} query heads` : "tokens",
    count: longestRow(walk),
    most: Math.floor(Math.floor(mostRounds(device) / ofBlock - 4) * BLOCK / walk.members),
  });
}
