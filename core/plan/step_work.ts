/** What a step of a run computes: tokens and FLOP, from the lengths of its rows. @module */
import type { IterationConfig } from "../config/config.ts";
import type { ExampleIds, PairIds } from "../model/pack.ts";
import { segmentLayers } from "../model/segments.ts";
import { LOSSES } from "../train/losses/losses.ts";
import {
  adapterFlop,
  addCounts,
  backwardFlop,
  countRow,
  forwardFlop,
  type ModelCost,
  noiseFlop,
  recomputeFlop,
  type TokenCount,
} from "./flops.ts";

/** The work of a step. */
export interface Work {
  /** Tokens through the model's layers, each forward pass counted once. */
  tokens: number;
  /** FLOP of forward passes, backward passes and of sampling, which has one token a row. */
  forward: number;
  backward: number;
  decode: number;
}

/** A row of a plan. */
export type PlannedRow = ExampleIds | PairIds;

/** The work of scoring rows. */
export function scoreWork(cost: ModelCost, rows: readonly PlannedRow[]): Work {
  const counts = countOf(rows);
  return { tokens: counts.tokens, forward: forwardFlop(cost, counts), backward: 0, decode: 0 };
}

/** A step's work, and `times` that of another. */
export function addWork(work: Work, other: Work, times: number): Work {
  return {
    tokens: work.tokens + times * other.tokens,
    forward: work.forward + times * other.forward,
    backward: work.backward + times * other.backward,
    decode: work.decode + times * other.decode,
  };
}

/** The work of sampling `lengths[i]` tokens after prompt i. */
export function generateWork(
  cost: ModelCost,
  { prompts, lengths }: { prompts: readonly (readonly number[])[]; lengths: readonly number[] },
): Work {
  const work: Work = { tokens: 0, forward: 0, backward: 0, decode: 0 };
  prompts.forEach(({ length }, i) => {
    const sampled = lengths[i]!;
    work.forward += forwardFlop(cost, { ...countRow(length - 1, []), entries: 0 });
    work.decode += forwardFlop(cost, {
      tokens: sampled,
      pairs: sampled * length + sampled * (sampled - 1) / 2,
      entries: sampled,
    });
    work.tokens += length - 1 + sampled;
  });
  return work;
}

/** The work of training on rows for `epochs` passes over them. */
export function optimizeWork(
  cost: ModelCost,
  { rows, settings: { noise, training }, epochs, adapted = null }: {
    rows: readonly PlannedRow[];
    settings: IterationConfig;
    epochs: number;
    /** Elements of the adapters that are trained; null if all weights are. */
    adapted?: number | null;
  },
): Work {
  const counts = countOf(rows);
  const rejected = rows.reduce((sum, row) => sum + ("rejectedIds" in row ? row.rejectedIds.length : 0), 0);
  const ofAdapters = (backward: boolean): number => adapterFlop(adapted ?? 0, counts.tokens, { backward });
  const forward = forwardFlop(cost, counts) + ofAdapters(false);
  const backward = backwardFlop(cost, counts, { isFrozen: adapted !== null }) + ofAdapters(true);
  const segment = segmentLayers(training.gradient_checkpointing, cost.numLayers);
  const recompute = recomputeFlop(cost, counts, { segment, adapters: ofAdapters(false) });
  const passes = noise === "none" || noise.update === "joint"
    ? { model: 1, noise: noise === "none" ? 0 : 1, all: 1 }
    : { model: noise.model_steps, noise: noise.noise_steps, all: noise.model_steps + noise.noise_steps };
  const rank = noise === "none" ? undefined : noise.rank;
  const noiseForward = noise === "none" ? 0 : passes.all * noiseFlop(cost, rejected, { backward: false, rank });
  const noiseBackward = passes.noise * noiseFlop(cost, rejected, { backward: true, rank });
  // The reference scores what does not change once, and the rejected responses under noise in every pass.
  const side = (name: "chosenIds" | "rejectedIds"): TokenCount =>
    sumCounts(rows.map((row) => countRow(row.promptIds.length, "chosenIds" in row ? [row[name].length] : [])));
  const known = !LOSSES[training.loss_type].needsReference ? NOTHING : noise === "none" ? counts : side("chosenIds");
  const noised = noise === "none" ? NOTHING : side("rejectedIds");
  const once = Math.min(1, epochs);
  return {
    tokens: once * known.tokens + epochs * passes.all * (counts.tokens + noised.tokens),
    forward: once * forwardFlop(cost, known) +
      epochs * (passes.all * (forward + forwardFlop(cost, noised)) + passes.model * recompute + noiseForward),
    backward: epochs * (passes.model * backward + noiseBackward),
    decode: 0,
  };
}

/** The counts of rows; a pair's prompt counts once. */
export function countOf(rows: readonly PlannedRow[]): TokenCount {
  return sumCounts(rows.map((row) =>
    countRow(
      row.promptIds.length,
      "chosenIds" in row ? [row.chosenIds.length, row.rejectedIds.length] : [row.responseIds.length],
    )
  ));
}

const NOTHING: TokenCount = { tokens: 0, pairs: 0, entries: 0 };

function sumCounts(counts: readonly TokenCount[]): TokenCount {
  return counts.reduce(addCounts, NOTHING);
}
