/** Log-probabilities of responses under a model, in batches. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import { compileAhead } from "../../kernels/device/compile_ahead.ts";
import type { MatmulPrecision } from "../../kernels/device/precision.ts";
import { subslice } from "../../kernels/device/slice.ts";
import type { SharedModel } from "../cluster/shared_model.ts";
import { BufferSet, forwardBuffers } from "./activations.ts";
import { createDecoder, decoderForward } from "./decoder.ts";
import { BatchBuffers, type BatchCapacity, capacityOf, maxCapacity } from "./device_batch.ts";
import type { ModelConfig } from "./families/family.ts";
import type { ModelWeights } from "./model_weights.ts";
import type { PackedBatch } from "./pack.ts";
import { packedAttention } from "./packed_attention.ts";
import { type Adapter, parametersOf } from "./parameters.ts";
import { headBuffers, scoreSequences } from "./response_head.ts";

/** What scoring needs of a model; a loaded model has it. */
export interface Scorer {
  readonly config: ModelConfig;
  readonly weights: ModelWeights;
  /** Adapters that are added to the weights; null or absent if there are none. */
  readonly adapter?: Adapter | null;
  /** The other ranks that score with it too; absent if there are none. */
  readonly shared?: SharedModel;
}

/** Batches to score. */
export interface ScoredParts<Part> {
  parts: readonly Part[];
  pack: (part: Part) => PackedBatch;
  /** The most positions that a row reaches. */
  maxPositions: number;
  /** Whether to find the most probable token of every entry (default false). */
  findsTop?: boolean;
  /** How exactly products are computed (default float32). */
  precision?: MatmulPrecision;
}

/** What {@linkcode scoreBatches} found out about a part. */
export interface BatchScores<Part> {
  part: Part;
  packed: PackedBatch;
  /** Summed log-probability of each sequence. */
  logps: Float32Array;
  /** Of each entry the token with the largest logit, the first of equal ones; null if it was not asked for. */
  top: Uint32Array | null;
}

/**
 * Scores batches one after the other, in memory that is allocated once for the largest and freed in the end. Throws
 * DeviceError.
 */
export async function* scoreBatches<Part>(
  commands: Commands,
  scorer: Scorer,
  work: ScoredParts<Part>,
): AsyncGenerator<BatchScores<Part>> {
  const { config, weights, adapter } = scorer;
  const { parts, pack, maxPositions, findsTop = false, precision = "float32" } = work;
  if (parts.length === 0) return;
  await compileAhead(commands, async (commands) => {
    for await (const _ of scoreBatches(commands, scorer, { ...work, parts: parts.slice(0, 1) }));
  });
  const { device } = commands;
  const capacity = parts.reduce<BatchCapacity>(
    (most, part) => maxCapacity(most, capacityOf(pack(part), device)),
    { tokens: 1, entries: 1, sequences: 1, tiles: 1 },
  );
  const set = new BufferSet(device);
  const parameters = parametersOf(weights, { adapter: adapter ?? null });
  const decoder = createDecoder(device, { config, maxPositions });
  try {
    const batchBuffers = new BatchBuffers(set, { capacity });
    const buffers = forwardBuffers(set, { config, capacity: capacity.tokens, segment: null, ranks: parameters.ranks });
    const head = headBuffers(set, { config, entries: capacity.entries, noise: false });
    const sums = set.words(capacity.sequences, "logps");
    const top = findsTop ? set.words(capacity.entries * 2, "most probable tokens") : null;
    for (const part of parts) {
      const packed = pack(part);
      const batch = batchBuffers.load(packed);
      const attention = packedAttention(commands, { config, batch });
      commands.inPrecision(precision, () => {
        decoderForward(commands, decoder, { parameters, batch, buffers, attention });
        scoreSequences(commands, {
          out: sums,
          ...(top && { top }),
          decoder,
          parameters,
          hidden: buffers.hidden,
          tokens: batch.tokens,
          entries: batch.entries,
          buffers: head,
        });
      });
      commands.submit();
      const [sumBytes, topBytes] = await device.readAll([
        subslice(sums, 0, packed.lengths.length * 4),
        ...(top ? [subslice(top, 0, batch.entries.count * 8)] : []),
      ]);
      const logps = new Float32Array(sumBytes!);
      // The logit beside each token is left out.
      yield { part, packed, logps, top: topBytes ? new Uint32Array(topBytes).filter((_, i) => i % 2 === 0) : null };
    }
  } finally {
    set.free();
    device.free(decoder.rope);
  }
}

/** Cuts rows, in order, into runs of at most `batchTokens` tokens; a longer row is a run by itself. */
export function cut<Row>(
  rows: readonly Row[],
  { batchTokens, tokens }: { batchTokens: number; tokens: (row: Row) => number },
): Row[][] {
  const parts: Row[][] = [];
  let sum = Infinity;
  for (const row of rows) {
    if (sum + tokens(row) > batchTokens) {
      parts.push([]);
      sum = 0;
    }
    parts.at(-1)!.push(row);
    sum += tokens(row);
  }
  return parts;
}
