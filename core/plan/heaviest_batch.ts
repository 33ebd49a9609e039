/** The step that a rehearsal takes, cut as a rank's training cuts it. @module */
import { heldShards } from "../cluster/shards.ts";
import { packBatch, shardPlaces, type StepBatch, tokensOf } from "../train/step_batches.ts";
import type { StepOrder } from "../train/step_order.ts";
import type { TrainingRows } from "../train/training_rows.ts";
import { loadsOfRanks } from "./rank_loads.ts";
import type { RankSettings } from "./rank_settings.ts";

/** A rank's part of a step. */
export interface HeaviestBatch {
  batch: StepBatch;
  /** The places of all rows of the step. */
  places: readonly number[];
}

/** The part of a step that has the most tokens, over the steps of an epoch and the ranks, packed as that rank packs it. */
export function heaviestBatch(
  rows: TrainingRows,
  { order, ranks, shards, ...how }:
    & { order: StepOrder; size: number; noise: boolean }
    & Omit<
      RankSettings,
      "gradientDtype"
    >,
): HeaviestBatch {
  let most: { tokens: number; places: readonly number[]; rank: number } = { tokens: -1, places: [], rank: 0 };
  for (let step = 0; step < Math.min(order.steps, order.stepsPerEpoch); step++) {
    const places = order.rowsOf(step);
    const loads = loadsOfRanks(places.map((place) => tokensOf(rows, place)), { ranks, shards });
    loads.forEach((tokens, rank) => {
      if (tokens > most.tokens) most = { tokens, places, rank };
    });
  }
  const { places, rank } = most;
  const held = heldShards(shards, { rank, size: ranks });
  return { batch: packBatch(rows, places, { ...how, shards, held }), places };
}

/** Micro-batches of all shards of a step's rows. */
export function countMicroBatches(
  rows: TrainingRows,
  places: readonly number[],
  { shards, size }: { shards: number; size: number },
): number {
  return shardPlaces(rows, places, shards).reduce((sum, { length }) => sum + Math.ceil(length / size), 0);
}

/** The batch with its first `count` micro-batches alone; its shards stay, of which some may then be empty. */
export function firstMicroBatches(batch: StepBatch, count: number): StepBatch {
  let left = count;
  const shards = batch.shards.map((shard) => {
    const microBatches = shard.microBatches.slice(0, left);
    left -= microBatches.length;
    return { ...shard, microBatches };
  });
  return { ...batch, shards };
}
