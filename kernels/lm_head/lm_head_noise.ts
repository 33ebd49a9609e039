/** The LM head with trainable Gaussian noise on its logits; the backward pass makes the same noise again. @module */
import source from "./lm_head_noise.wgsl" with { type: "text" };
import backwardSource from "./lm_head_noise_backward.wgsl" with { type: "text" };
import biasSource from "./lm_head_noise_bias.wgsl" with { type: "text" };
import sigmaSource from "./lm_head_sigma.wgsl" with { type: "text" };
import { type Commands, grid } from "../device/commands.ts";
import { INVOCATION } from "../device/invocation.ts";
import { defineKernel } from "../device/kernel.ts";
import { type Slice, subslice } from "../device/slice.ts";
import type { SourcePart } from "../device/source.ts";
import { matmul } from "../matmul/matmul.ts";
import { PHILOX } from "../random/philox.ts";
import { cutRows, type Window, windowOf } from "../window.ts";
import {
  addWeightGradient,
  finishRows,
  LM_HEAD_SHARED,
  type LmHeadForward,
  type LmHeadInputs,
  tileLogits,
  tileUniforms,
} from "./lm_head.ts";
import { chunkOf, type LmHeadNoiseScratch } from "./lm_head_tiles.ts";

const SIGMA: SourcePart = { name: "kernels/lm_head/lm_head_sigma.wgsl", text: sigmaSource };

const tileFields = {
  rows: "u32",
  columns: "u32",
  stride: "u32",
  first_row: "u32",
  first_column: "u32",
  seed: "u32",
  iteration: "u32",
  step: "u32",
  s: "f32",
} as const;

const update = defineKernel({
  name: "lm_head_noise",
  code: [LM_HEAD_SHARED, SIGMA, PHILOX, INVOCATION, { name: "kernels/lm_head/lm_head_noise.wgsl", text: source }],
  bindings: {
    state: "readWrite",
    noised_state: "readWrite",
    sigma_squared: "readWrite",
    logits: "read",
    noise_logits: "read",
    targets: "read",
    examples: "read",
    positions: "read",
  },
  uniforms: tileFields,
});

const backward = defineKernel({
  name: "lm_head_noise_backward",
  code: [LM_HEAD_SHARED, SIGMA, PHILOX, INVOCATION, {
    name: "kernels/lm_head/lm_head_noise_backward.wgsl",
    text: backwardSource,
  }],
  bindings: {
    noise_logits: "readWrite",
    logits: "read",
    lse_noised: "read",
    targets: "read",
    examples: "read",
    positions: "read",
    sequences: "read",
    dlogp: "read",
  },
  uniforms: { ...tileFields, variance_scale: "f32" },
});

const biasGradient = defineKernel({
  name: "lm_head_noise_bias",
  code: [{ name: "kernels/lm_head/lm_head_noise_bias.wgsl", text: biasSource }],
  bindings: { dbias: "readWrite", noise_logits: "read" },
  uniforms: { rows: "u32", columns: "u32", stride: "u32", first_column: "u32" },
});

/** What the generator's weight is multiplied with in place of h. */
export interface LmHeadNoiseInput {
  /** f32 [rows, columns]. */
  x: Slice;
  columns: number;
}

/** The noise: its generator, and what its random numbers depend on. */
export interface LmHeadNoise {
  /** The generator's weight, f32 [vocab, hidden], or [vocab, columns] of `noiseInput`; cut as the LM head's weight. */
  noiseWeight: Slice;
  /** What the weight is multiplied with (default: h). */
  noiseInput?: LmHeadNoiseInput;
  /** The generator's bias, f32 [vocab]. */
  noiseBias: Slice;
  /** Each entry's row in the pair file, u32 [rows]. */
  example: Slice;
  /** Each entry's position in its sequence, u32 [rows]. */
  position: Slice;
  seed: number;
  iteration: number;
  step: number;
  /** Upper bound of σ², above 0: σ = s·tanh(r/s) with s = √maxVariance. */
  maxVariance: number;
}

/** Buffers and sizes of {@linkcode lmHeadNoiseForward}; `logp` and `lse` are without noise. */
export interface LmHeadNoiseForward extends LmHeadForward, LmHeadNoise {
  /** Output, overwritten: as `logp`, of the noised logits, f32 [rows]. */
  logpNoised: Slice;
  /** Saved for backward, overwritten: as `lse`, of the noised logits, f32 [rows]. */
  lseNoised: Slice;
  /** Output, overwritten: Σ_v σ² of each entry, f32 [rows]. */
  sigmaSquared: Slice;
  scratch: LmHeadNoiseScratch;
}

/** Buffers and sizes of {@linkcode lmHeadNoiseBackward}. */
export interface LmHeadNoiseBackward extends LmHeadInputs, LmHeadNoise {
  /** Gradient at the generator's weight, added to: of its shape. */
  dnoiseWeight: Slice;
  /** Gradient at `noiseInput`, overwritten: f32 [rows, columns]. Leave it out if it is not needed. */
  dnoiseInput?: Slice;
  /** Gradient at the generator's bias, added to: f32 [vocab]. */
  dnoiseBias: Slice;
  /** As saved by {@linkcode lmHeadNoiseForward}. */
  lseNoised: Slice;
  /** Gradient at each sequence's summed noised log-probability, f32 [sequences]. */
  dlogpNoised: Slice;
  /** Each entry's sequence, u32 [rows]. */
  sequence: Slice;
  /** Factor of Σσ² in the loss: alpha / (entries of the optimizer batch · vocab). */
  varianceScale: number;
  scratch: LmHeadNoiseScratch;
}

/**
 * Records the log-probability of each entry's target with and without noise, and Σσ². Each chunk of entries is a
 * submission of its own. Throws RangeError unless maxVariance is above 0.
 */
export function lmHeadNoiseForward(commands: Commands, call: LmHeadNoiseForward): void {
  const { rows, vocab, target, example, position, sigmaSquared, scratch } = call;
  const { plan: { chunkRows, tileColumns: stride }, logits, noiseLogits } = scratch;
  const random = randomUniforms(call);
  const state = subslice(scratch.state, 0, chunkRows * 16);
  const noisedState = subslice(scratch.state, chunkRows * 16, chunkRows * 16);
  for (const chunk of cutRows(rows, chunkRows)) {
    if (chunk.first > 0) commands.submit();
    for (const tile of cutRows(vocab, stride)) {
      bothLogits(commands, { ...call, chunk, tile });
      commands.dispatch(update, {
        buffers: {
          state,
          noised_state: noisedState,
          sigma_squared: sigmaSquared,
          logits,
          noise_logits: noiseLogits,
          targets: target,
          examples: example,
          positions: position,
        },
        uniforms: { ...tileUniforms(chunk, tile, stride), ...random },
        workgroups: grid(commands.device, chunk.rows),
        constants: { LANES: commands.device.rowLanes },
      });
    }
    finishRows(commands, { logp: call.logp, lse: call.lse, state, chunk });
    finishRows(commands, { logp: call.logpNoised, lse: call.lseNoised, state: noisedState, chunk });
  }
}

/**
 * Records the gradients of Σ_s dlogpNoised[s] · Σ_(entries of s) logpNoised + varianceScale · Σσ² at the noise
 * generator and its input; h and weight are constants. Each chunk of entries is a submission of its own. Throws RangeError unless
 * maxVariance is above 0.
 */
export function lmHeadNoiseBackward(commands: Commands, call: LmHeadNoiseBackward): void {
  const { rows, vocab, target, example, position, sequence, scratch } = call;
  const { plan: { chunkRows, tileColumns: stride }, logits, noiseLogits } = scratch;
  const { device } = commands;
  const { x, columns } = inputOf(call);
  const random = randomUniforms(call);
  for (const chunk of cutRows(rows, chunkRows)) {
    if (chunk.first > 0) commands.submit();
    const part = { first: chunk.first, columns, plan: scratch.plan };
    const input = chunkOf(device, x, part);
    for (const tile of cutRows(vocab, stride)) {
      bothLogits(commands, { ...call, chunk, tile });
      commands.dispatch(backward, {
        buffers: {
          noise_logits: noiseLogits,
          logits,
          lse_noised: call.lseNoised,
          targets: target,
          examples: example,
          positions: position,
          sequences: sequence,
          dlogp: call.dlogpNoised,
        },
        uniforms: { ...tileUniforms(chunk, tile, stride), ...random, variance_scale: call.varianceScale },
        workgroups: grid(device, chunk.rows),
        constants: { LANES: device.rowLanes },
      });
      addWeightGradient(commands, {
        dweight: call.dnoiseWeight,
        dlogits: noiseLogits,
        h: input,
        hidden: columns,
        chunk,
        tile,
        stride,
      });
      if (call.dnoiseInput) {
        matmul(commands, {
          mode: "NN",
          c: chunkOf(device, call.dnoiseInput, part),
          a: noiseLogits,
          b: windowOf(call.noiseWeight, tile, columns * 4),
          m: chunk.rows,
          n: columns,
          k: tile.rows,
          lda: stride,
          accumulate: tile.first > 0,
        });
      }
      commands.dispatch(biasGradient, {
        buffers: { dbias: call.dnoiseBias, noise_logits: noiseLogits },
        uniforms: { rows: chunk.rows, columns: tile.rows, stride, first_column: tile.first },
        workgroups: [Math.ceil(tile.rows / 4 / device.rowLanes)],
        constants: { LANES: device.rowLanes },
      });
    }
  }
}

/** Records the tile's logits z and the noise generator's output r. */
function bothLogits(
  commands: Commands,
  call: LmHeadNoise & LmHeadInputs & { scratch: LmHeadNoiseScratch; chunk: Window; tile: Window },
): void {
  const { h, weight, storage = "f32", noiseWeight, noiseBias, hidden, scratch, chunk, tile } = call;
  const { plan, logits, noiseLogits } = scratch;
  const { x, columns } = inputOf(call);
  tileLogits(commands, { plan, h, weight, storage, hidden, chunk, tile, logits });
  tileLogits(commands, {
    plan,
    h: x,
    weight: noiseWeight,
    bias: noiseBias,
    hidden: columns,
    chunk,
    tile,
    logits: noiseLogits,
  });
}

function inputOf({ noiseInput, h, hidden }: LmHeadNoise & LmHeadInputs): LmHeadNoiseInput {
  return noiseInput ?? { x: h, columns: hidden };
}

function randomUniforms(
  { seed, iteration, step, maxVariance }: LmHeadNoise,
): { seed: number; iteration: number; step: number; s: number } {
  if (!(maxVariance > 0)) throw new RangeError(`Cannot add noise: maxVariance is ${maxVariance}, expected above 0`);
  return { seed, iteration, step, s: Math.sqrt(maxVariance) };
}
