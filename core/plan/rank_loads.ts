/** How evenly the rows of steps are cut among ranks. @module */
import { cutShards, heldShards } from "../cluster/shards.ts";
import { tokensOf } from "../train/step_batches.ts";
import type { StepOrder } from "../train/step_order.ts";
import type { TrainingRows } from "../train/training_rows.ts";
import type { RankSettings } from "./rank_settings.ts";

/** Most steps that are cut; of more, some are taken evenly over the first epoch. */
const MOST_STEPS = 256;

/** The tokens of a step, on average over steps. */
export interface RankLoads {
  /** Rows of a step. */
  rows: number;
  /** Tokens of all its rows. */
  tokens: number;
  /** Tokens of the rank that has the most. */
  heaviest: number;
}

/** The tokens that each rank has of a step's rows, `tokens` [rows] being each row's. */
export function loadsOfRanks(
  tokens: readonly number[],
  { ranks, shards }: Omit<RankSettings, "gradientDtype">,
): number[] {
  const loads = cutShards(tokens, shards).map((rows) => rows.reduce((sum, row) => sum + tokens[row]!, 0));
  return Array.from({ length: ranks }, (_, rank) => {
    const { first, count } = heldShards(shards, { rank, size: ranks });
    return loads.slice(first, first + count).reduce((a, b) => a + b, 0);
  });
}

/** Cuts the steps of an iteration as a run does, and returns the means. */
export function rankLoads(
  rows: Pick<TrainingRows, "ids">,
  { order, settings }: { order: StepOrder; settings: RankSettings },
): RankLoads {
  const steps = Math.min(order.steps, order.stepsPerEpoch);
  const looked = Math.min(steps, MOST_STEPS);
  const sum = { rows: 0, tokens: 0, heaviest: 0 };
  for (let i = 0; i < looked; i++) {
    const places = order.rowsOf(Math.floor(i * steps / looked));
    const loads = loadsOfRanks(places.map((place) => tokensOf(rows, place)), settings);
    sum.rows += places.length;
    sum.tokens += loads.reduce((a, b) => a + b, 0);
    sum.heaviest += Math.max(...loads);
  }
  return { rows: sum.rows / looked, tokens: sum.tokens / looked, heaviest: sum.heaviest / looked };
}
