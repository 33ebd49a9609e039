/** Rows to score, and how they pass through a model in batches. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { MatmulPrecision } from "../../kernels/device/precision.ts";
import { maxForwardTokens } from "./activations.ts";
import { type ExampleIds, type PackedBatch, packExamples, packPairs, type PairIds } from "./pack.ts";
import { type BatchScores, cut, scoreBatches, type Scorer } from "./scorer.ts";

/** Rows and how they are packed. */
export interface PackedRows<Row> {
  kind: "examples" | "pairs";
  rows: readonly Row[];
  tokens: (row: Row) => number;
  /** Positions that a row reaches. */
  positions: (row: Row) => number;
  pack: (rows: readonly Row[]) => PackedBatch;
  /** Sequences of a row. */
  each: number;
}

/** Prompts with a response each. */
export function examplePacking(rows: readonly ExampleIds[]): PackedRows<ExampleIds> {
  const tokens = (row: ExampleIds): number => row.promptIds.length + row.responseIds.length;
  return { kind: "examples", rows, tokens, positions: tokens, pack: packExamples, each: 1 };
}

/** Prompts with two responses each. */
export function pairPacking(rows: readonly PairIds[]): PackedRows<PairIds> {
  return {
    kind: "pairs",
    rows,
    tokens: ({ promptIds, chosenIds, rejectedIds }) => promptIds.length + chosenIds.length + rejectedIds.length,
    positions: ({ promptIds, chosenIds, rejectedIds }) =>
      promptIds.length + Math.max(chosenIds.length, rejectedIds.length),
    pack: packPairs,
    each: 2,
  };
}

/** How {@linkcode scoreRows} batches. */
export interface BatchOptions {
  /** Most tokens of a batch, unless a single row is longer (default 4096). */
  batchTokens?: number;
  /** How exactly products are computed (default float32). */
  precision?: MatmulPrecision;
}

/** Scores rows in batches, in their order. Throws DeviceError. */
export async function* scoreRows<Row>(
  commands: Commands,
  scorer: Scorer,
  { rows, batchTokens = 4096, precision = "float32", tokens, positions, pack }:
    & BatchOptions
    & Pick<PackedRows<Row>, "rows" | "tokens" | "positions" | "pack">,
): AsyncGenerator<BatchScores<Row[]>> {
  if (rows.length === 0) return;
  const most = Math.min(batchTokens, maxForwardTokens(scorer.config, commands.device));
  const parts = cut(rows, { batchTokens: most, tokens });
  const maxPositions = rows.reduce((most, row) => Math.max(most, positions(row)), 1);
  yield* scoreBatches(commands, scorer, { parts, pack, maxPositions, precision });
}
