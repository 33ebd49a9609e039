/** The LM head fused with log-softmax and gather: log-probabilities of target tokens from logits in tiles. @module */
import source from "./lm_head.wgsl" with { type: "text" };
import backwardSource from "./lm_head_backward.wgsl" with { type: "text" };
import finishSource from "./lm_head_finish.wgsl" with { type: "text" };
import sharedSource from "./lm_head_shared.wgsl" with { type: "text" };
import topSource from "./lm_head_top.wgsl" with { type: "text" };
import { type Commands, grid } from "../device/commands.ts";
import { INVOCATION } from "../device/invocation.ts";
import { defineKernel } from "../device/kernel.ts";
import { type Slice, subslice } from "../device/slice.ts";
import type { SourcePart } from "../device/source.ts";
import { matmul } from "../matmul/matmul.ts";
import { STORAGE_FACTS } from "../storage/storage.ts";
import { cutRows, type Window, windowOf } from "../window.ts";
import { chunkOf, type LmHeadPlan, type LmHeadScratch } from "./lm_head_tiles.ts";

/** Functions that kernels of the LM head share. */
export const LM_HEAD_SHARED: SourcePart = { name: "kernels/lm_head/lm_head_shared.wgsl", text: sharedSource };

const tileFields = { rows: "u32", columns: "u32", stride: "u32", first_row: "u32", first_column: "u32" } as const;

const update = defineKernel({
  name: "lm_head",
  code: [LM_HEAD_SHARED, INVOCATION, { name: "kernels/lm_head/lm_head.wgsl", text: source }],
  bindings: { state: "readWrite", logits: "read", targets: "read" },
  uniforms: tileFields,
});

const finish = defineKernel({
  name: "lm_head_finish",
  code: [INVOCATION, { name: "kernels/lm_head/lm_head_finish.wgsl", text: finishSource }],
  bindings: { logp: "readWrite", lse: "readWrite", state: "read" },
  uniforms: { rows: "u32", first_row: "u32" },
});

const top = defineKernel({
  name: "lm_head_top",
  code: [LM_HEAD_SHARED, INVOCATION, { name: "kernels/lm_head/lm_head_top.wgsl", text: topSource }],
  bindings: { top: "readWrite", logits: "read" },
  uniforms: tileFields,
});

const backward = defineKernel({
  name: "lm_head_backward",
  code: [LM_HEAD_SHARED, INVOCATION, { name: "kernels/lm_head/lm_head_backward.wgsl", text: backwardSource }],
  bindings: { logits: "readWrite", lse: "read", targets: "read", sequences: "read", dlogp: "read" },
  uniforms: tileFields,
});

/** How the LM head's weight may be stored. */
export type HeadStorage = "f32" | "bf16" | "f16";

/** Inputs and sizes that all LM head functions share. An entry is a position whose logits predict a scored token. */
export interface LmHeadInputs {
  /** Final hidden states, f32 [rows, hidden]. */
  h: Slice;
  /**
   * [vocab, hidden], stored as `storage` says; may be larger than one binding, and lie in several buffers (`tileRows`
   * says where it is cut).
   */
  weight: Slice;
  /** How the weight is stored (default "f32"). */
  storage?: HeadStorage;
  /** The token that each entry predicts, u32 [rows]. */
  target: Slice;
  /** Number of entries. */
  rows: number;
  hidden: number;
  vocab: number;
  scratch: LmHeadScratch;
}

/** Buffers and sizes of {@linkcode lmHeadForward}. */
export interface LmHeadForward extends LmHeadInputs {
  /** Output, overwritten: log softmax(h · weightᵀ) at the target, f32 [rows]. */
  logp: Slice;
  /** Saved for backward, overwritten: log Σ exp of the logits, f32 [rows]. */
  lse: Slice;
  /** Output, overwritten: the first token with the largest logit, and the bits of that logit, u32 [rows, 2]. */
  top?: Slice;
}

/** Buffers and sizes of {@linkcode lmHeadBackward}. */
export interface LmHeadBackward extends LmHeadInputs {
  /** Gradient at h, overwritten: f32 [rows, hidden]. Leave it out if it is not needed. */
  dh?: Slice;
  /** Gradient at the weight, added to: f32 [vocab, hidden]. Leave it out if the weight is frozen. */
  dweight?: Slice;
  /** As saved by {@linkcode lmHeadForward}. */
  lse: Slice;
  /** Gradient at each sequence's summed log-probability, f32 [sequences]. */
  dlogp: Slice;
  /** Each entry's sequence, u32 [rows]. */
  sequence: Slice;
}

/**
 * Records the log-probability of each entry's target, and its most probable token if `top` is given. Each chunk of
 * entries is a submission of its own.
 */
export function lmHeadForward(
  commands: Commands,
  { logp, lse, top: best, h, weight, storage = "f32", target, rows, hidden, vocab, scratch }: LmHeadForward,
): void {
  const { plan, logits } = scratch;
  for (const chunk of cutRows(rows, plan.chunkRows)) {
    if (chunk.first > 0) commands.submit();
    const state = subslice(scratch.state, 0, plan.chunkRows * 16);
    for (const tile of cutRows(vocab, plan.tileColumns)) {
      tileLogits(commands, { plan, h, weight, storage, hidden, chunk, tile, logits });
      const call = {
        uniforms: tileUniforms(chunk, tile, plan.tileColumns),
        workgroups: grid(commands.device, chunk.rows),
        constants: { LANES: commands.device.rowLanes },
      };
      commands.dispatch(update, { ...call, buffers: { state, logits, targets: target } });
      if (best) commands.dispatch(top, { ...call, buffers: { top: best, logits } });
    }
    finishRows(commands, { logp, lse, state, chunk });
  }
}

/**
 * Records the gradients of Σ_s dlogp[s] · Σ_(entries of s) logp at h and weight. It computes the logits again. Each
 * chunk of entries is a submission of its own.
 */
export function lmHeadBackward(
  commands: Commands,
  { dh, dweight, lse, dlogp, sequence, h, weight, storage = "f32", target, rows, hidden, vocab, scratch }:
    LmHeadBackward,
): void {
  const { plan, logits } = scratch;
  const { chunkRows, tileColumns: stride } = plan;
  for (const chunk of cutRows(rows, chunkRows)) {
    if (chunk.first > 0) commands.submit();
    const hChunk = chunkOf(commands.device, h, { first: chunk.first, columns: hidden, plan });
    for (const tile of cutRows(vocab, stride)) {
      tileLogits(commands, { plan, h, weight, storage, hidden, chunk, tile, logits });
      commands.dispatch(backward, {
        buffers: { logits, lse, targets: target, sequences: sequence, dlogp },
        uniforms: tileUniforms(chunk, tile, stride),
        workgroups: grid(commands.device, chunk.rows),
        constants: { LANES: commands.device.rowLanes },
      });
      if (dh) {
        commands.announce("backward", 2 * chunk.rows * tile.rows * hidden);
        matmul(commands, {
          mode: "NN",
          c: chunkOf(commands.device, dh, { first: chunk.first, columns: hidden, plan }),
          a: logits,
          b: windowOf(weight, tile, hidden * STORAGE_FACTS[storage].bits / 8),
          bType: storage,
          m: chunk.rows,
          n: hidden,
          k: tile.rows,
          lda: stride,
          accumulate: tile.first > 0,
        });
      }
      if (dweight) addWeightGradient(commands, { dweight, dlogits: logits, h: hChunk, hidden, chunk, tile, stride });
    }
  }
}

/** Records logits [chunk, tile] = h · weightᵀ (+ bias); their rows are the plan's `tileColumns` apart. */
export function tileLogits(
  commands: Commands,
  { plan, h, weight, storage = "f32", bias, hidden, chunk, tile, logits }: {
    plan: LmHeadPlan;
    h: Slice;
    weight: Slice;
    storage?: HeadStorage;
    bias?: Slice;
    hidden: number;
    chunk: Window;
    tile: Window;
    logits: Slice;
  },
): void {
  commands.announce("forward", 2 * chunk.rows * tile.rows * hidden);
  matmul(commands, {
    mode: "NT",
    c: logits,
    a: chunkOf(commands.device, h, { first: chunk.first, columns: hidden, plan }),
    b: windowOf(weight, tile, hidden * STORAGE_FACTS[storage].bits / 8),
    bType: storage,
    ...(bias ? { bias: windowOf(bias, tile, 4) } : {}),
    m: chunk.rows,
    n: tile.rows,
    k: hidden,
    ldc: plan.tileColumns,
  });
}

/** Records dweight[tile] += dlogitsᵀ · h. */
export function addWeightGradient(
  commands: Commands,
  { dweight, dlogits, h, hidden, chunk, tile, stride }: {
    dweight: Slice;
    dlogits: Slice;
    h: Slice;
    hidden: number;
    chunk: Window;
    tile: Window;
    stride: number;
  },
): void {
  commands.announce("backward", 2 * chunk.rows * tile.rows * hidden);
  matmul(commands, {
    mode: "TN",
    c: windowOf(dweight, tile, hidden * 4),
    a: dlogits,
    b: h,
    m: tile.rows,
    n: hidden,
    k: chunk.rows,
    lda: stride,
    accumulate: true,
  });
}

/** Records logp and lse of a chunk from its state after the last tile. */
export function finishRows(
  commands: Commands,
  { logp, lse, state, chunk }: { logp: Slice; lse: Slice; state: Slice; chunk: Window },
): void {
  const { rowLanes } = commands.device;
  commands.dispatch(finish, {
    buffers: { logp, lse, state },
    uniforms: { rows: chunk.rows, first_row: chunk.first },
    workgroups: grid(commands.device, Math.ceil(chunk.rows / rowLanes)),
    constants: { LANES: rowLanes },
  });
}

/** The uniforms that say which part of the logits a dispatch works on. */
export function tileUniforms(
  chunk: Window,
  tile: Window,
  stride: number,
): { rows: number; columns: number; stride: number; first_row: number; first_column: number } {
  return { rows: chunk.rows, columns: tile.rows, stride, first_row: chunk.first, first_column: tile.first };
}
