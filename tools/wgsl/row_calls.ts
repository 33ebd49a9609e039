/** Calls that ask for every text of the kernels that are neither products nor attention. @module */
import { kvStore } from "../../kernels/attention/kv_cache.ts";
import { rope } from "../../kernels/attention/rope.ts";
import type { Commands } from "../../kernels/device/commands.ts";
import type { Slice } from "../../kernels/device/slice.ts";
import { lmHeadBackward, lmHeadForward } from "../../kernels/lm_head/lm_head.ts";
import { lmHeadNoiseBackward, lmHeadNoiseForward } from "../../kernels/lm_head/lm_head_noise.ts";
import { lmHeadScratch } from "../../kernels/lm_head/lm_head_tiles.ts";
import { preferenceLoss } from "../../kernels/loss/preference_loss.ts";
import { sequenceSum } from "../../kernels/loss/sequence_sum.ts";
import { sftLoss } from "../../kernels/loss/sft_loss.ts";
import { biasGradient } from "../../kernels/matmul/bias_gradient.ts";
import { swiglu, swigluBackward } from "../../kernels/mlp/swiglu.ts";
import { headNorm, headNormBackward } from "../../kernels/norm/head_norm.ts";
import { addRmsNorm, rmsNorm, rmsNormBackward, rmsNormBackwardWeight } from "../../kernels/norm/rms_norm.ts";
import { adamw } from "../../kernels/optimizer/adamw.ts";
import { addGradients } from "../../kernels/optimizer/add_gradients.ts";
import { finishNorm, squaredNorm } from "../../kernels/optimizer/gradient_norm.ts";
import { guard } from "../../kernels/optimizer/guard.ts";
import { rmsprop } from "../../kernels/optimizer/rmsprop.ts";
import { dropout } from "../../kernels/random/dropout.ts";
import { uniformFill } from "../../kernels/random/uniform_fill.ts";
import { embedding, embeddingBackward } from "../../kernels/rows/embedding.ts";
import { gatherRows, scatterRows } from "../../kernels/rows/gather_rows.ts";
import { decodeStep } from "../../kernels/sampling/decode_step.ts";
import { repetitionPenalty } from "../../kernels/sampling/repetition_penalty.ts";
import { sampleTokens } from "../../kernels/sampling/sampling.ts";
import { quantize } from "../../kernels/storage/quantize.ts";
import { isQuantized, QUANTIZED, type Storage, STORAGE_FACTS } from "../../kernels/storage/storage.ts";

const ROWS = 100;
const VOCAB = 515;
/** Lanes keep as much of a row of this width as of any. */
const WIDE = 8192;
const HEADS = { tokens: 20, heads: 4, kvHeads: 2 };

/** Records every operation, each with sizes that are multiples of 4 and with sizes that are none. */
export function recordRows(commands: Commands, slice: Slice): void {
  for (const columns of [64, 30]) {
    recordNorms(commands, slice, columns);
    recordHeadNorms(commands, slice, columns);
    recordCopies(commands, slice, columns);
    recordOptimizers(commands, slice, columns);
    recordHeads(commands, slice, columns);
    recordSampling(commands, slice, columns);
  }
  recordNorms(commands, slice, WIDE);
  // Heads too wide for tiles.
  recordHeadNorms(commands, slice, 258);
  recordHeadNorms(commands, slice, 1028);
  recordStorage(commands, slice);
  recordLosses(commands, slice);
}

function recordNorms(commands: Commands, s: Slice, columns: number): void {
  const sizes = { rows: ROWS, columns };
  rmsNorm(commands, { ...sizes, y: s, invRms: s, x: s, weight: s, eps: 1e-6 });
  addRmsNorm(commands, { ...sizes, sum: s, y: s, invRms: s, a: s, b: s, weight: s, eps: 1e-6 });
  rmsNormBackward(commands, { ...sizes, dx: s, invRms: s, x: s, weight: s, dy: s });
  rmsNormBackwardWeight(commands, { ...sizes, dweight: s, scratch: s, invRms: s, x: s, dy: s });
}

function recordHeadNorms(commands: Commands, s: Slice, headDim: number): void {
  const headSizes = { ...HEADS, headDim };
  const weights = { qWeight: s, kWeight: s };
  headNorm(commands, { ...headSizes, ...weights, y: s, invRms: s, qkv: s, eps: 1e-6 });
  const weightGradients = { dqWeight: s, dkWeight: s, partial: s };
  headNormBackward(commands, { ...headSizes, ...weights, dqkv: s, dy: s, invRms: s, qkv: s, weightGradients });
}

function recordCopies(commands: Commands, s: Slice, columns: number): void {
  const headSizes = { ...HEADS, headDim: columns };
  embedding(commands, { out: s, weight: s, ids: s, tokens: ROWS, vocabSize: VOCAB, columns });
  const index = { ids: s, starts: s, tokens: s, count: 5, most: 2 };
  embeddingBackward(commands, { ...index, dweight: s, dout: s, vocabSize: VOCAB, columns });
  scatterRows(commands, { dx: s, starts: s, entries: s, most: 2, dy: s, rows: ROWS, columns });
  rope(commands, { ...headSizes, qkv: s, position: s, table: s, headDim: 2 * columns });
  for (const rounded of [null, "bf16", "f16"] as const) {
    kvStore(commands, {
      ...headSizes,
      kCache: s,
      vCache: s,
      qkv: s,
      slot: s,
      position: s,
      rounded: rounded && { storage: rounded, overflow: s },
      maxLength: 64,
    });
  }
  swiglu(commands, { act: s, gateUp: s, rows: ROWS, inner: columns });
  swigluBackward(commands, { dgateUp: s, gateUp: s, dact: s, rows: ROWS, inner: columns });
  biasGradient(commands, { dbias: s, scratch: s, dy: s, rows: ROWS, columns });
  const place = { probability: 0.1, seed: 0, iteration: 0, step: 0, positions: s, examples: s };
  dropout(commands, { ...place, y: s, x: s, module: 0, rows: ROWS, columns });
  uniformFill(commands, { out: s, count: columns, first: 0, key: [0, 0], bound: 1 });
}

function recordOptimizers(commands: Commands, s: Slice, count: number): void {
  const flat = { parameters: s, gradients: s, v: s, control: s, count, decayed: count, lr: 1, eps: 1, weightDecay: 0 };
  adamw(commands, { ...flat, m: s, betas: [0.9, 0.99] });
  rmsprop(commands, { ...flat, alpha: 1 });
  addGradients(commands, { sums: s, others: s, count: 4 * count });
  squaredNorm(commands, { partials: s, chunks: [{ gradients: s, count }] });
  finishNorm(commands, { control: s, partials: s, count: 5, maxNorm: 1 });
  guard(commands, { controls: s, metrics: s, lossSlot: 0, normSlots: [1, 2], step: 1, betas: [0.9, 0.99] });
}

function recordHeads(commands: Commands, s: Slice, hidden: number): void {
  const plan = lmHeadScratch(commands.device, { maxRows: 64, vocab: VOCAB, hidden });
  const scratch = { plan, state: s, logits: s, noiseLogits: s };
  const inputs = { h: s, weight: s, target: s, rows: 10, hidden, vocab: VOCAB, scratch };
  lmHeadForward(commands, { ...inputs, logp: s, lse: s, top: s });
  lmHeadBackward(commands, { ...inputs, dh: s, dweight: s, lse: s, dlogp: s, sequence: s });
  const place = { example: s, position: s, seed: 0, iteration: 0, step: 0, maxVariance: 1 };
  const noise = { ...inputs, ...place, noiseWeight: s, noiseBias: s, lseNoised: s };
  lmHeadNoiseForward(commands, { ...noise, logp: s, lse: s, logpNoised: s, sigmaSquared: s });
  const gradients = { dnoiseWeight: s, dnoiseBias: s, dlogpNoised: s };
  lmHeadNoiseBackward(commands, { ...noise, ...gradients, sequence: s, varianceScale: 1 });
}

function recordSampling(commands: Commands, s: Slice, vocabSize: number): void {
  const settings = { temperature: 1, topK: 0, topP: 1, seed: 0, iteration: 0 };
  sampleTokens(commands, { ...settings, token: s, logits: s, row: s, position: s, rows: ROWS, vocabSize });
  repetitionPenalty(commands, { logits: s, seen: s, token: s, slot: s, rows: ROWS, vocabSize, penalty: 1.1 });
  const state = { out: s, token: s, position: s, finished: s, sampled: s, limit: s };
  decodeStep(commands, { ...state, rows: ROWS, index: 0, eos: [1] });
}

function recordStorage(commands: Commands, s: Slice): void {
  for (const storage of Object.keys(STORAGE_FACTS) as Storage[]) {
    const scales = isQuantized(storage) ? { scales: s } : {};
    for (const columns of [64, 30]) {
      gatherRows(commands, { out: s, x: s, storage, ...scales, index: s, rows: ROWS, sourceRows: 50, columns });
    }
  }
  const sizes = { firstRow: 0, rows: ROWS, columns: 64 };
  for (const storage of QUANTIZED) {
    for (const sourceStorage of ["f32", "bf16", "f16"] as const) {
      quantize(commands, { ...sizes, data: s, scales: s, storage, bad: s, mark: 1, x: s, sourceStorage });
    }
  }
}

function recordLosses(commands: Commands, s: Slice): void {
  sequenceSum(commands, { out: s, x: s, starts: s, sequences: 4 });
  sftLoss(commands, { dlogp: s, metrics: s, logps: s, sequences: 4, scale: 1 });
  const logps = { policyLogps: s, referenceLogps: s, lengths: s };
  const pair = { pairs: 3, link: "logistic", factor: 1, beta: 1, scale: 1 } as const;
  preferenceLoss(commands, { ...logps, ...pair, dlogp: s, dnoised: s, metrics: s });
}
