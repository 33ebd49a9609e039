/** Log-probabilities of responses under a model, in batches. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import { subslice } from "../../kernels/device/device.ts";
import { type ExampleIds, type PackedBatch, packExamples } from "../data/pack.ts";
import { BufferSet, forwardBuffers } from "./activations.ts";
import { BatchBuffers, type BatchCapacity, capacityOf, maxCapacity } from "./batch.ts";
import { createDecoder, decoderForward } from "./decoder.ts";
import { headBuffers, scoreSequences } from "./head.ts";
import type { Model } from "./model.ts";
import { packedAttention } from "./packed_attention.ts";

/** How {@linkcode scoreResponses} batches and reports. */
export interface ScoreOptions {
  /** Tokens of a batch at most, where a row is not longer by itself (default 4096). */
  batchTokens?: number;
  /** Told the number of rows done. */
  onDone?: (done: number) => void;
}

/**
 * Summed log-probability of each response given its prompt, log p(y|x) = Σ_t log softmax(z_{t−1})[y_t], in nats. Rows
 * are packed in batches of similar size; a row's result does not depend on its batch. Throws DeviceError.
 */
export async function scoreResponses(
  commands: Commands,
  model: Model,
  { rows, batchTokens = 4096, onDone }: ScoreOptions & { rows: readonly ExampleIds[] },
): Promise<Float64Array> {
  const { device } = commands;
  const { config, weights } = model;
  const out = new Float64Array(rows.length);
  if (rows.length === 0) return out;
  const tokens = (row: ExampleIds): number => row.promptIds.length + row.responseIds.length;
  const batches = cut(rows, { batchTokens, tokens }).map((part) => ({ part, packed: packExamples(part) }));
  const capacity = batches.reduce<BatchCapacity>(
    (most, { packed }) => maxCapacity(most, capacityOf(packed, device)),
    { tokens: 1, entries: 1, sequences: 1, tiles: 1 },
  );
  const set = new BufferSet(device);
  const maxPositions = Math.max(...rows.map((row) => row.promptIds.length + row.responseIds.length));
  const decoder = createDecoder(device, { config, maxPositions });
  try {
    const batchBuffers = new BatchBuffers(set, { capacity, pairs: false });
    const buffers = forwardBuffers(set, { config, capacity: capacity.tokens, keep: false });
    const head = headBuffers(set, { config, entries: capacity.entries, noise: false });
    const sums = set.words(capacity.sequences, "logps");
    const scoreBatch = async (packed: PackedBatch): Promise<Float32Array> => {
      const batch = batchBuffers.load(packed);
      const attention = packedAttention(commands, { config, batch });
      decoderForward(commands, decoder, { weights, batch, buffers, attention });
      scoreSequences(commands, {
        out: sums,
        config,
        weights,
        hidden: buffers.hidden,
        tokens: batch.tokens,
        entries: batch.entries,
        buffers: head,
      });
      commands.submit();
      return new Float32Array(await device.read(subslice(sums, 0, packed.lengths.length * 4)));
    };
    let done = 0;
    for (const { part, packed } of batches) {
      out.set(await scoreBatch(packed), done);
      done += part.length;
      onDone?.(done);
    }
  } finally {
    set.free();
    device.free(decoder.rope);
  }
  return out;
}

/** Cuts rows, in order, into runs of at most `batchTokens` tokens. */
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
