/** The batches of an iteration: which rows each optimizer step packs, and what the buffers must hold. @module */
import type { Device } from "../../kernels/device/device.ts";
import { type BatchCapacity, capacityOf, maxCapacity } from "../model/device_batch.ts";
import {
  type ExampleIds,
  type PackedBatch,
  packExamples,
  packPairs,
  type PairIds,
  scoredTokens,
} from "../model/pack.ts";
import type { StepOrder } from "./step_order.ts";

/** Rows to train on: pairs, or single responses for `sft`. */
export type TrainingRows =
  | { kind: "pairs"; rows: readonly PairIds[] }
  | { kind: "examples"; rows: readonly ExampleIds[] };

/** Rows that pass through the device together. */
export interface MicroBatch {
  readonly packed: PackedBatch;
  /** The rows' places in the data. */
  readonly places: readonly number[];
  /** The rejected responses by themselves, for the noised reference; null without noise. */
  readonly rejected: PackedBatch | null;
}

/** An optimizer step's rows, cut into micro-batches. */
export interface StepBatch {
  readonly microBatches: readonly MicroBatch[];
  /** Rows of the step. */
  readonly rows: number;
  /** The rows' indices in their file, for messages. */
  readonly examples: readonly number[];
  /** Scored tokens: of all responses, and of the rejected ones. */
  readonly responseTokens: number;
  readonly rejectedTokens: number;
  /** Tokens of prompts and responses as TRL counts them: each side with its prompt. */
  readonly tokens: number;
}

/** How {@linkcode stepBatch} packs. */
export interface BatchOptions {
  order: StepOrder;
  step: number;
  /** Rows of a micro-batch at most. */
  size: number;
  /** Whether the reference has noise, so that it needs the rejected responses by themselves. */
  noise?: boolean;
}

/** Packs one micro-batch of pairs; `sharePrompt: false` repeats the prompts (default true). */
export function pairBatch(
  rows: readonly PairIds[],
  { places, noise, sharePrompt = true }: { places: readonly number[]; noise: boolean; sharePrompt?: boolean },
): MicroBatch {
  const pairs = places.map((i) => rows[i]!);
  const rejected = (pair: PairIds): ExampleIds => ({ ...pair, responseIds: pair.rejectedIds });
  return {
    packed: packPairs(pairs, { sharePrompt }),
    places,
    rejected: noise ? packExamples(pairs.map(rejected)) : null,
  };
}

/** Packs optimizer step `step` in micro-batches of up to `size` rows. */
export function stepBatch(data: TrainingRows, { order, step, size, noise = false }: BatchOptions): StepBatch {
  const indices = order.rowsOf(step);
  const microBatches: MicroBatch[] = [];
  for (let at = 0; at < indices.length; at += size) {
    const places = indices.slice(at, at + size);
    microBatches.push(
      data.kind === "pairs"
        ? pairBatch(data.rows, { places, noise })
        : { packed: packExamples(places.map((i) => data.rows[i]!)), places, rejected: null },
    );
  }
  let [responseTokens, rejectedTokens, tokens] = [0, 0, 0];
  for (const i of indices) {
    if (data.kind === "pairs") {
      const { promptIds, chosenIds, rejectedIds } = data.rows[i]!;
      responseTokens += chosenIds.length + rejectedIds.length;
      rejectedTokens += rejectedIds.length;
      tokens += 2 * promptIds.length + chosenIds.length + rejectedIds.length;
    } else {
      const row = data.rows[i]!;
      responseTokens += scoredTokens(row);
      tokens += row.promptIds.length + row.responseIds.length;
    }
  }
  const examples = indices.map((i) => data.rows[i]!.example);
  return { microBatches, rows: indices.length, examples, responseTokens, rejectedTokens, tokens };
}

/** The most that any micro-batch of the iteration takes. Packs every distinct step once. */
export function planCapacity(
  data: TrainingRows,
  { order, size, device, shuffle }: { order: StepOrder; size: number; device: Device; shuffle: boolean },
): BatchCapacity {
  let most: BatchCapacity = { tokens: 1, entries: 1, sequences: 1, tiles: 1 };
  // Without shuffling every epoch has the first one's batches.
  const steps = shuffle ? order.steps : Math.min(order.steps, order.stepsPerEpoch);
  for (let step = 0; step < steps; step++) {
    for (const { packed } of stepBatch(data, { order, step, size }).microBatches) {
      most = maxCapacity(most, capacityOf(packed, device));
    }
  }
  return most;
}

/** Places of the rows that the iteration's steps use, ascending. */
export function usedRows(order: StepOrder): number[] {
  const used = new Set<number>();
  for (let step = 0; step < Math.min(order.steps, order.stepsPerEpoch); step++) {
    for (const i of order.rowsOf(step)) used.add(i);
  }
  return [...used].sort((a, b) => a - b);
}

/** Positions of the longest row. */
export function longestRow(data: TrainingRows): number {
  let longest = 1;
  if (data.kind === "pairs") {
    for (const { promptIds, chosenIds, rejectedIds } of data.rows) {
      longest = Math.max(longest, promptIds.length + Math.max(chosenIds.length, rejectedIds.length));
    }
  } else {
    for (const { promptIds, responseIds } of data.rows) {
      longest = Math.max(longest, promptIds.length + responseIds.length);
    }
  }
  return longest;
}

/** Tells rows from others: their number, and a hash (FNV-1a) of their ids. */
export function fingerprint(data: TrainingRows): string {
  let hash = 0x811c9dc5;
  const add = (value: number): void => {
    hash = Math.imul(hash ^ value, 0x01000193);
  };
  for (const row of data.rows) {
    const parts = "chosenIds" in row
      ? [row.promptIds, row.chosenIds, row.rejectedIds]
      : [row.promptIds, row.responseIds];
    for (const ids of [[row.example], ...parts]) {
      add(ids.length);
      ids.forEach(add);
    }
    if ("lossMask" in row) row.lossMask?.forEach((scored) => add(scored ? 1 : 2));
  }
  return `${data.rows.length} rows ${(hash >>> 0).toString(16)}`;
}
