/** Reward models on the device: a decoder with a score head, run over whole texts in batches. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { Device } from "../../kernels/device/device.ts";
import { type Slice, subslice } from "../../kernels/device/slice.ts";
import { matmul } from "../../kernels/matmul/matmul.ts";
import { gatherRows } from "../../kernels/rows/gather_rows.ts";
import { openRewardFolder, type RewardFolder, SCORE_HEAD } from "../checkpoint/reward_folder.ts";
import { dealBatches, type DealtResult, fromBits, ownShare, toBits } from "../cluster/dealt_batches.ts";
import type { SharedModel } from "../cluster/shared_model.ts";
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
  /** The other ranks that score with it too; absent if there are none. */
  readonly shared?: SharedModel;
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
 * on its batch, nor on the number of ranks. Throws DeviceError, or RangeError for an empty row.
 */
export async function scoreTexts(
  commands: Commands,
  model: RewardModel,
  { rows, batchTokens = 4096, onDone }: RewardOptions,
): Promise<Float32Array[]> {
  const { config, padTokenId, labels } = model.folder;
  // Tokens after the scored one do not matter, since attention only looks back.
  const texts = rows.map((ids) => ids.slice(0, scoredToken(ids, padTokenId) + 1));
  const tokens = Math.min(batchTokens, maxForwardTokens(config, commands.device));
  const batches = cut(texts, { batchTokens: tokens, tokens: (ids) => ids.length });
  const out: Float32Array[] = [];
  for await (const scores of scoresOf(commands, model, batches)) {
    for (let at = 0; at < scores.length; at += labels.length) out.push(scores.slice(at, at + labels.length));
    onDone?.(out.length);
  }
  return out;
}

/** Batches of texts that several ranks score, as data. */
export interface TextsToScore {
  batches: readonly (readonly (readonly number[])[])[];
}

/** Scores every `size`-th batch from batch `rank` on; what is found are the bits of [texts, labels]. */
export async function* textsPart(
  commands: Commands,
  model: RewardModel,
  { batches }: TextsToScore,
  { rank, size }: { rank: number; size: number },
): AsyncGenerator<DealtResult<number[]>> {
  let place = rank;
  for await (const scores of scoreBatches(commands, model, ownShare(batches, { rank, size }))) {
    yield [place, toBits(scores)];
    place += size;
  }
}

/** The scores [texts, labels] of each batch, in their order. */
async function* scoresOf(
  commands: Commands,
  model: RewardModel,
  batches: TextsToScore["batches"],
): AsyncGenerator<Float32Array> {
  if (!model.shared) return yield* scoreBatches(commands, model, batches);
  const { crew, place } = model.shared;
  const tokens = (batch: TextsToScore["batches"][number]): number => batch.reduce((sum, ids) => sum + ids.length, 0);
  for (const piece of cut(batches, { batchTokens: crew.taskIds, tokens })) {
    const asked: TextsToScore = { batches: piece };
    const task = { task: "texts", model: place, ...asked };
    const all = dealBatches(crew, task, () => textsPart(commands, model, asked, crew.transport));
    for await (const [, bits] of all) yield fromBits(bits);
  }
}

async function* scoreBatches(
  commands: Commands,
  { folder: { config, labels }, weights, head }: RewardModel,
  parts: TextsToScore["batches"],
): AsyncGenerator<Float32Array> {
  if (parts.length === 0) return;
  const { device } = commands;
  const batches = parts.map((part) => ({ part, packed: packPrompts(part) }));
  const capacity = batches.reduce<BatchCapacity>(
    (most, { packed }) => maxCapacity(most, capacityOf(packed, device)),
    { tokens: 1, entries: 1, sequences: 1, tiles: 1 },
  );
  const most = largest(parts, (part) => part.length);
  const set = new BufferSet(device);
  const parameters = parametersOf(weights);
  const decoder = createDecoder(device, { config, maxPositions: largest(parts.flat(), (ids) => ids.length) });
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
      yield new Float32Array(await device.read(subslice(scores, 0, part.length * labels.length * 4)));
    }
  } finally {
    set.free();
    device.free(decoder.rope);
  }
}

/** The index of the last token that is not padding; if all are padding, it is 0, as in transformers. */
function scoredToken(ids: readonly number[], padTokenId: number | null): number {
  return padTokenId === null ? ids.length - 1 : Math.max(0, ids.findLastIndex((id) => id !== padTokenId));
}
