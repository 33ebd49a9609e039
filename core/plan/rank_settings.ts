/** How a run is cut among the ranks of a job, as a plan takes it. @module */
import { heldShards } from "../cluster/shards.ts";
import { isPowerOfTwo, type WireDtype } from "../cluster/transport.ts";
import type { IterationConfig } from "../config/config_types.ts";
import { UserError } from "../error.ts";

/** Most ranks that a plan is made for. */
export const MOST_RANKS = 4096;

/** The ranks of a job, and how a step's rows and gradients are cut among them. */
export interface RankSettings {
  /** How many ranks there are, a power of two. */
  ranks: number;
  /** Shards that a step's rows are cut into; each rank has as many. */
  shards: number;
  /** The type that gradients are sent in. */
  gradientDtype: WireDtype;
}

/**
 * The settings for `ranks` ranks. A config whose steps are not cut is planned with a shard for each rank. Throws a
 * UserError where its shards cannot be dealt to so many.
 */
export function rankSettings({ distributed }: Pick<IterationConfig, "distributed">, ranks: number): RankSettings {
  if (!isPowerOfTwo(ranks) || ranks > MOST_RANKS) {
    throw new UserError(`Cannot plan for ${ranks} ranks, expected a power of two of at most ${MOST_RANKS}`);
  }
  const { shards, gradient_dtype: gradientDtype } = distributed;
  const cut = shards === 1 ? ranks : shards;
  heldShards(cut, { rank: 0, size: ranks });
  return { ranks, shards: cut, gradientDtype };
}
