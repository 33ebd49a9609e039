/** Reward models on the device: a decoder with a score head, run over whole texts in batches. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { Device } from "../../kernels/device/device.ts";
import { type Slice, subslice } from "../../kernels/device/slice.ts";
import { matmul } from "../../kernels/matmul/matmul.ts";
import { gatherRows } from "../../kernels/rows/gather_rows.ts";
import { openRewardFolder, type RewardFolder, SCORE_HEAD } from "../checkpoint/reward_folder.ts";
import { largest } from "../values.ts";
import { BufferSet, forwardBuffers, maxForwardTokens } from "./activations.ts";
import { createDecoder, decoderForward } from "./decoder.ts";
import { BatchBuffers, type BatchCapacity, capacityOf, maxCapacity } from "./device_batch.ts";
import { loadFrozen } from "./load_frozen.ts";
import type { ModelWeights } from "./model_weights.ts";
import { packPrompts } from "./pack.ts";
import { packedAttention } from "./packed_attention.ts";
import { parametersOf } from "./parameters.ts";
import { cut } from "./scorer.ts";

/** Weights on the device as their files have them, and the folder they came from. */
export interface RewardModel {
  readonly folder: RewardFolder;
  readonly weights: ModelWeights;
  /** The score head: [labels, hidden]. */
  readonly head: Slice;
  /** Frees its memory on the device. */
  free(): void;
}

/** Loads the reward model at `dir`. Throws a UserError naming file and tensor, or DeviceError if it is too large. */
export async function loadRewardModel(device: Device, dir: string): Promise<RewardModel> {
  const folder = await openRewardFolder(dir);
  const { config } = folder;
  const what = { label: "reward model", part: "judge", quantization: "none" } as const;
  const weights = await loadFrozen(device, { config, source: folder, ...what });
  // Disposed of at the block's end if anything below throws.
  using held = new DisposableStack();
  held.defer(() => weights.free());
  const head = device.upload(await folder.readTensor(SCORE_HEAD), "score head", "judge");
  held.defer(() => device.free(head));
  await device.check();
  const kept = held.move();
  return { folder, weights, head, free: () => kept.dispose() };
}

/** What {@linkcode scoreTexts} scores, and how it batches and reports. */
export interface RewardOptions {
  /** Token ids of whole texts, at least one each. */
  rows: readonly (readonly number[])[];
  /** Most tokens of a batch, unless a single row is longer (default 4096). */
  batchTokens?: number;
  /** Progress callback: gets the number of rows done. */
  onDone?: (done: number) => void;
}

/**
 * Computes the head's outputs [labels] for each row, at the row's last token that is not `padTokenId`, as transformers
 * does (if the padding token is the EOS too, that is the token before the text's EOS). A row's result does not depend
 * on its batch. Throws DeviceError, or RangeError for an empty row.
 */
export async function scoreTexts(
  commands: Commands,
  { folder, weights, head }: RewardModel,
  { rows, batchTokens = 4096, onDone }: RewardOptions,
): Promise<Float32Array[]> {
  const out: Float32Array[] = [];
  if (rows.length === 0) return out;
  const { device } = commands;
  const { config, padTokenId, labels } = folder;
  // Tokens after the scored one do not matter, since attention only looks back.
  const texts = rows.map((ids) => ids.slice(0, scoredToken(ids, padTokenId) + 1));
  const tokens = Math.min(batchTokens, maxForwardTokens(config, device));
  const batches = cut(texts, { batchTokens: tokens, tokens: (ids) => ids.length })
    .map((part) => ({ part, packed: packPrompts(part) }));
  const capacity = batches.reduce<BatchCapacity>(
    (most, { packed }) => maxCapacity(most, capacityOf(packed, device)),
    { tokens: 1, entries: 1, sequences: 1, tiles: 1 },
  );
  const most = largest(batches, ({ part }) => part.length);
  const set = new BufferSet(device);
  const parameters = parametersOf(weights);
  const decoder = createDecoder(device, { config, maxPositions: largest(texts, (ids) => ids.length) });
  try {
    const batchBuffers = new BatchBuffers(set, { capacity });
    const buffers = forwardBuffers(set, { config, capacity: capacity.tokens, segment: null, ranks: 0 });
    const index = set.words(most, "scored tokens");
    const hidden = set.words(most * config.hiddenSize, "scored hidden");
    const scores = set.words(most * labels.length, "scores");
    for (const { part, packed } of batches) {
      const batch = batchBuffers.load(packed);
      device.write(index, Uint32Array.from(packed.segments, ({ end }) => end - 1));
      const attention = packedAttention(commands, { config, batch });
      decoderForward(commands, decoder, { parameters, batch, buffers, attention });
      gatherRows(commands, {
        out: hidden,
        x: buffers.hidden,
        index,
        rows: part.length,
        sourceRows: batch.tokens,
        columns: config.hiddenSize,
      });
      const sizes = { m: part.length, n: labels.length, k: config.hiddenSize };
      matmul(commands, { mode: "NT", c: scores, a: hidden, b: head, ...sizes });
      commands.submit();
      const values = new Float32Array(await device.read(subslice(scores, 0, part.length * labels.length * 4)));
      part.forEach((_, i) => out.push(values.slice(i * labels.length, (i + 1) * labels.length)));
      onDone?.(out.length);
    }
  } finally {
    set.free();
    device.free(decoder.rope);
  }
  return out;
}

/** The index of the last token that is not padding; if all are padding, it is 0, as in transformers. */
function scoredToken(ids: readonly number[], padTokenId: number | null): number {
  return padTokenId === null ? ids.length - 1 : Math.max(0, ids.findLastIndex((id) => id !== padTokenId));
}
