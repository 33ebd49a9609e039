/** The golden of reward models: what the reference program scores with the goldens' decoders and a score head. @module */
import type { RewardOptions } from "../_shared/reward_model.ts";
import { GOLDENS } from "./_golden.ts";

/** What the golden file holds. */
export interface RewardGolden {
  /** Token ids of the texts. */
  rows: number[][];
  /** By architecture, for each text, the head's outputs. */
  scores: Record<string, number[][]>;
}

/** Path of the golden. */
export const REWARD_GOLDEN = `${GOLDENS}reward.json`;

/** What the models have besides the decoders of the goldens. */
export const REWARD_MODEL: RewardOptions = { labels: ["helpful", "brief"], config: { pad_token_id: 0 } };
