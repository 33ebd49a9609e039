/** Rows to train on, of each kind that a loss may take. Batches refer to rows by their places. @module */
import {
  type ExampleIds,
  type PackedBatch,
  packExamples,
  packPairs,
  type PairIds,
  scoredTokens,
} from "../model/pack.ts";

/** A kind of rows: prompts with a chosen and a rejected answer, or with one answer. */
export type RowKind = "pairs" | "examples";

/** Token counts of a row. */
export interface RowCounts {
  /** Scored tokens: of all its answers, and of the rejected one. */
  responseTokens: number;
  rejectedTokens: number;
  /** Tokens of prompts and answers as TRL counts them: each side with its prompt. */
  tokens: number;
}

/** Rows of one kind. */
export interface TrainingRows {
  readonly kind: RowKind;
  /** Number of rows. */
  readonly length: number;
  /** The row's index in its file: the counter of its random numbers. */
  example(place: number): number;
  /** Packs the rows at these places. */
  pack(places: readonly number[]): PackedBatch;
  /** Packs only their rejected answers, as the noised reference reads them; null if rows have none. */
  packRejected(places: readonly number[]): PackedBatch | null;
  counts(place: number): RowCounts;
  /** Positions that the row reaches. */
  positions(place: number): number;
  /** Its ids: the prompt's, then each answer's. */
  ids(place: number): readonly (readonly number[])[];
  /** Which tokens of its answer are scored; undefined if all are. */
  lossMask(place: number): readonly boolean[] | undefined;
}

/** Rows of pairs. */
export interface PairRows extends TrainingRows {
  readonly kind: "pairs";
  readonly pairs: readonly PairIds[];
}

/** Pairs as rows to train on. */
export function pairRows(pairs: readonly PairIds[]): PairRows {
  const at = (places: readonly number[]): PairIds[] => places.map((i) => pairs[i]!);
  return {
    kind: "pairs",
    pairs,
    length: pairs.length,
    example: (i) => pairs[i]!.example,
    pack: (places) => packPairs(at(places)),
    packRejected: (places) => packExamples(at(places).map((pair) => ({ ...pair, responseIds: pair.rejectedIds }))),
    counts(i) {
      const { promptIds, chosenIds, rejectedIds } = pairs[i]!;
      const responseTokens = chosenIds.length + rejectedIds.length;
      return { responseTokens, rejectedTokens: rejectedIds.length, tokens: 2 * promptIds.length + responseTokens };
    },
    positions(i) {
      const { promptIds, chosenIds, rejectedIds } = pairs[i]!;
      return promptIds.length + Math.max(chosenIds.length, rejectedIds.length);
    },
    ids(i) {
      const { promptIds, chosenIds, rejectedIds } = pairs[i]!;
      return [promptIds, chosenIds, rejectedIds];
    },
    lossMask: () => undefined,
  };
}

/** A pair's prompt with its chosen answer. */
export function chosenExample({ example, promptIds, chosenIds }: PairIds): ExampleIds {
  return { example, promptIds, responseIds: chosenIds };
}

/** Prompts with one answer as rows to train on. */
export function exampleRows(examples: readonly ExampleIds[]): TrainingRows {
  return {
    kind: "examples",
    length: examples.length,
    example: (i) => examples[i]!.example,
    pack: (places) => packExamples(places.map((i) => examples[i]!)),
    packRejected: () => null,
    counts(i) {
      const { promptIds, responseIds } = examples[i]!;
      return {
        responseTokens: scoredTokens(examples[i]!),
        rejectedTokens: 0,
        tokens: promptIds.length + responseIds.length,
      };
    },
    positions(i) {
      const { promptIds, responseIds } = examples[i]!;
      return promptIds.length + responseIds.length;
    },
    ids(i) {
      const { promptIds, responseIds } = examples[i]!;
      return [promptIds, responseIds];
    },
    lossMask: (i) => examples[i]!.lossMask,
  };
}

/** Positions of the longest row, at least 1. */
export function longestRow(data: TrainingRows): number {
  return places(data).reduce((most, i) => Math.max(most, data.positions(i)), 1);
}

/** Identifies rows: their number, and a hash (FNV-1a) of their ids and loss masks. */
export function fingerprint(data: TrainingRows): string {
  let hash = 0x811c9dc5;
  const add = (value: number): void => {
    hash = Math.imul(hash ^ value, 0x01000193);
  };
  for (const i of places(data)) {
    for (const ids of [[data.example(i)], ...data.ids(i)]) {
      add(ids.length);
      ids.forEach(add);
    }
    data.lossMask(i)?.forEach((scored) => add(scored ? 1 : 2));
  }
  return `${data.length} rows ${(hash >>> 0).toString(16)}`;
}

/** All places of rows. */
export function places({ length }: Pick<TrainingRows, "length">): number[] {
  return Array.from({ length }, (_, i) => i);
}
