/** How the work of a training step is shared out: its rows in shards, and the shards among ranks. @module */
import { type HeldShards, heldShards } from "../cluster/shards.ts";
import type { Transport, WireDtype } from "../cluster/transport.ts";
import type { IterationConfig } from "../config/config_types.ts";

/** How steps are shared out. Only `shards` and `gradientDtype` change the bits; the number of ranks does not. */
export interface Distribution {
  /** Parts that a step's rows are cut into, a power of two: their gradients are summed by a fixed binary tree. */
  readonly shards: number;
  /** What gradients are rounded to before they are added to those of other shards. */
  readonly gradientDtype: WireDtype;
  /** The way to the ranks that hold other shards; null: this process holds all. */
  readonly transport: Transport | null;
  /** The shards that this process holds (default: what the transport says). */
  readonly held?: HeldShards;
}

/** All by this process, in one piece. */
export const UNDIVIDED: Distribution = { shards: 1, gradientDtype: "float32", transport: null };

/** How the steps of these settings are shared out, over the transport if there is one. */
export function distributionOf(
  { distributed: { shards, gradient_dtype: gradientDtype } }: Pick<IterationConfig, "distributed">,
  transport: Transport | null,
): Distribution {
  return { shards, gradientDtype, transport };
}

/** The shards that this process holds. Throws a UserError where they cannot be dealt out evenly. */
export function ownShards({ shards, transport, held }: Distribution): HeldShards {
  return held ?? heldShards(shards, transport ?? { rank: 0, size: 1 });
}
