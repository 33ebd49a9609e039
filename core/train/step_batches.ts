/** The batches of an iteration: which rows each optimizer step packs, and what the buffers must hold. @module */
import type { Device } from "../../kernels/device/device.ts";
import { cutShards, type HeldShards } from "../cluster/shards.ts";
import type { IterationConfig } from "../config/config_types.ts";
import { type BatchCapacity, capacityOf, maxCapacity } from "../model/device_batch.ts";
import type { PackedBatch } from "../model/pack.ts";
import { planOrder, type StepOrder } from "./step_order.ts";
import { places, type RowCounts, type TrainingRows } from "./training_rows.ts";

/** Rows that pass through the device together. */
export interface MicroBatch {
  readonly packed: PackedBatch;
  /** The rows' places in the data. */
  readonly places: readonly number[];
  /** The rejected responses by themselves, for the noised reference; null without noise. */
  readonly rejected: PackedBatch | null;
}

/** Rows whose gradients are summed before they meet those of other shards. */
export interface Shard {
  /** Rows of the step in shards before this one. */
  readonly first: number;
  readonly microBatches: readonly MicroBatch[];
}

/** An optimizer step's rows, cut into shards and these into micro-batches; counts are those of all its rows. */
export interface StepBatch extends Readonly<RowCounts> {
  /** The shards that this process holds. */
  readonly shards: readonly Shard[];
  /** Rows of the step. */
  readonly rows: number;
  /** The rows' indices in their file, for messages. */
  readonly examples: readonly number[];
}

/** The first micro-batch of a step's own shards; null if there is none. */
export function firstOf({ shards }: Pick<StepBatch, "shards">): MicroBatch | null {
  return shards.flatMap(({ microBatches }) => microBatches)[0] ?? null;
}

/** How {@linkcode packBatch} packs. */
export interface PackBatchOptions {
  /** Most rows of a micro-batch. */
  size: number;
  /** Whether the reference has noise, so that it needs the rejected responses by themselves. */
  noise?: boolean;
  /** Shards that the rows are cut into (default 1). */
  shards?: number;
  /** Those of them that are packed (default: all). */
  held?: HeldShards;
}

/** Packs the rows at `places` in micro-batches of up to `size` rows. */
export function packBatch(
  data: TrainingRows,
  places: readonly number[],
  { shards = 1, held = { first: 0, count: shards }, ...how }: PackBatchOptions,
): StepBatch {
  let first = 0;
  const packed = shardPlaces(data, places, shards).map((rows, shard): Shard => {
    const isHeld = shard >= held.first && shard < held.first + held.count;
    const one = { first, microBatches: isHeld ? packShard(data, rows, how) : [] };
    first += rows.length;
    return one;
  });
  const sum = { responseTokens: 0, rejectedTokens: 0, tokens: 0 };
  for (const place of places) {
    const counts = data.counts(place);
    for (const name of ["responseTokens", "rejectedTokens", "tokens"] as const) sum[name] += counts[name];
  }
  return {
    shards: packed.slice(held.first, held.first + held.count),
    rows: places.length,
    examples: places.map((i) => data.example(i)),
    ...sum,
  };
}

/** The places of each shard's rows, in the order of `places`. */
export function shardPlaces(data: TrainingRows, places: readonly number[], shards: number): number[][] {
  if (shards === 1) return [[...places]];
  return cutShards(places.map((place) => tokensOf(data, place)), shards).map((rows) => rows.map((row) => places[row]!));
}

/** Tokens of a row, by which it is dealt to a shard: a prompt counts once. */
export function tokensOf(rows: Pick<TrainingRows, "ids">, place: number): number {
  return rows.ids(place).reduce((sum, { length }) => sum + length, 0);
}

function packShard(
  data: TrainingRows,
  places: readonly number[],
  { size, noise = false }: Pick<PackBatchOptions, "size" | "noise">,
): MicroBatch[] {
  return Array.from({ length: Math.ceil(places.length / size) }, (_, i) => {
    const part = places.slice(i * size, (i + 1) * size);
    return {
      packed: data.pack(part),
      places: part,
      rejected: noise ? data.packRejected(part) : null,
    };
  });
}

/** The order in which an iteration's steps see the rows. */
export function orderSteps(
  data: TrainingRows,
  { training, iteration }: Pick<IterationConfig, "training" | "iteration">,
): StepOrder {
  return planOrder(places(data).map((i) => data.example(i)), {
    batch: training.per_device_train_batch_size * training.gradient_accumulation_steps,
    epochs: training.num_train_epochs,
    maxSteps: training.max_steps,
    shuffle: training.shuffle,
    seed: training.seed,
    iteration,
  });
}

/** Packs optimizer step `step` of an iteration. */
export function stepBatch(
  data: TrainingRows,
  { order, step, ...options }: PackBatchOptions & { order: StepOrder; step: number },
): StepBatch {
  return packBatch(data, order.rowsOf(step), options);
}

/** A capacity that is enough for every micro-batch of the iteration, of all shards. */
export function planCapacity(
  data: TrainingRows,
  { order, size, device, shuffle, shards = 1 }: {
    order: StepOrder;
    size: number;
    device: Device;
    shuffle: boolean;
    shards?: number;
  },
): BatchCapacity {
  // A batch holds the sums of its rows.
  const own = places(data).map((place) => capacityOf(data.pack([place]), device));
  let most: BatchCapacity = { tokens: 1, entries: 1, sequences: 1, tiles: 1 };
  // Without shuffling, every epoch has the same batches.
  const steps = shuffle ? order.steps : Math.min(order.steps, order.stepsPerEpoch);
  for (let step = 0; step < steps; step++) {
    for (const rows of shardPlaces(data, order.rowsOf(step), shards)) {
      for (let at = 0; at < rows.length; at += size) {
        most = maxCapacity(most, sumCapacities(rows.slice(at, at + size).map((place) => own[place]!)));
      }
    }
  }
  return most;
}

function sumCapacities(capacities: readonly BatchCapacity[]): BatchCapacity {
  const sum = { tokens: 0, entries: 0, sequences: 0, tiles: 0 };
  for (const { tokens, entries, sequences, tiles } of capacities) {
    sum.tokens += tokens;
    sum.entries += entries;
    sum.sequences += sequences;
    sum.tiles += tiles;
  }
  return sum;
}

/** A capacity that is enough for every micro-batch of a step. */
export function batchCapacity({ shards }: Pick<StepBatch, "shards">, device: Device): BatchCapacity {
  return shards.flatMap(({ microBatches }) => microBatches).map(({ packed }) => capacityOf(packed, device)).reduce(
    maxCapacity,
  );
}

/** Places of the rows that the iteration's steps use, ascending. */
export function usedRows(order: StepOrder): number[] {
  const used = new Set<number>();
  for (let step = 0; step < Math.min(order.steps, order.stepsPerEpoch); step++) {
    for (const i of order.rowsOf(step)) used.add(i);
  }
  return [...used].sort((a, b) => a - b);
}
