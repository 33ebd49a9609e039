/** RMSNorm of each q and k head, as in Qwen3. @module */
import forwardSource from "./head_norm.wgsl" with { type: "text" };
import inputSource from "./head_norm_backward.wgsl" with { type: "text" };
import inputTileSource from "./head_norm_backward_tile.wgsl" with { type: "text" };
import sumSource from "./head_norm_backward_sum.wgsl" with { type: "text" };
import weightSource from "./head_norm_backward_weight.wgsl" with { type: "text" };
import tileSource from "./head_norm_tile.wgsl" with { type: "text" };
import { type Commands, grid } from "../device/commands.ts";
import { INVOCATION } from "../device/invocation.ts";
import type { Device } from "../device/device.ts";
import type { Slice } from "../device/slice.ts";
import { byWidth, defineWidths, elementLanes } from "../vector.ts";

/** Tokens summed by one lane in the first stage of the weights' gradients. */
const CHUNK = 16;

const forward = defineWidths({
  name: "head_norm",
  code: [INVOCATION, { name: "kernels/norm/head_norm.wgsl", text: forwardSource }],
  bindings: { y: "readWrite", inv_rms: "readWrite", qkv: "read", q_weight: "read", k_weight: "read" },
  uniforms: { tokens: "u32", heads: "u32", kv_heads: "u32", vectors: "u32", eps: "f32" },
});
const forwardTile = defineWidths({
  name: "head_norm",
  code: [INVOCATION, { name: "kernels/norm/head_norm_tile.wgsl", text: tileSource }],
  bindings: { y: "readWrite", inv_rms: "readWrite", qkv: "read", q_weight: "read", k_weight: "read" },
  uniforms: { tokens: "u32", heads: "u32", kv_heads: "u32", vectors: "u32", tile_heads: "u32", eps: "f32" },
});
const backward = defineWidths({
  name: "head_norm_backward",
  code: [INVOCATION, { name: "kernels/norm/head_norm_backward.wgsl", text: inputSource }],
  bindings: { dqkv: "readWrite", dy: "read", inv_rms: "read", qkv: "read", q_weight: "read", k_weight: "read" },
  uniforms: { tokens: "u32", heads: "u32", kv_heads: "u32", vectors: "u32" },
});
const backwardTile = defineWidths({
  name: "head_norm_backward",
  code: [INVOCATION, { name: "kernels/norm/head_norm_backward_tile.wgsl", text: inputTileSource }],
  bindings: { dqkv: "readWrite", dy: "read", inv_rms: "read", qkv: "read", q_weight: "read", k_weight: "read" },
  uniforms: { tokens: "u32", heads: "u32", kv_heads: "u32", vectors: "u32", tile_heads: "u32" },
});
const backwardWeight = defineWidths({
  name: "head_norm_backward_weight",
  code: [INVOCATION, { name: "kernels/norm/head_norm_backward_weight.wgsl", text: weightSource }],
  bindings: { partial: "readWrite", dy: "read", inv_rms: "read", qkv: "read" },
  uniforms: { tokens: "u32", heads: "u32", kv_heads: "u32", vectors: "u32", chunks: "u32" },
});
const backwardSum = defineWidths({
  name: "head_norm_backward_sum",
  code: [{ name: "kernels/norm/head_norm_backward_sum.wgsl", text: sumSource }],
  bindings: { dq_weight: "readWrite", dk_weight: "readWrite", partial: "read" },
  uniforms: { vectors: "u32", chunks: "u32" },
});

/** Sizes that {@linkcode headNorm} and {@linkcode headNormBackward} share. */
export interface HeadNormSizes {
  tokens: number;
  heads: number;
  kvHeads: number;
  headDim: number;
}

/** Buffers and sizes of {@linkcode headNorm}. */
export interface HeadNorm extends HeadNormSizes {
  /** Output, overwritten: f32 [tokens, heads + 2·kvHeads, headDim]; not the buffer of `qkv`. */
  y: Slice;
  /** Saved for backward, overwritten: f32 [tokens, heads + kvHeads]. */
  invRms: Slice;
  /** f32 [tokens, heads + 2·kvHeads, headDim], the heads of q, then k, then v. */
  qkv: Slice;
  /** f32 [headDim]. */
  qWeight: Slice;
  /** f32 [headDim]. */
  kWeight: Slice;
  eps: number;
}

/** Records y = x / rms(x) · weight for each q head and k head; v heads are copied. */
export function headNorm(
  commands: Commands,
  { y, invRms, qkv, qWeight, kWeight, tokens, heads, kvHeads, headDim, eps }: HeadNorm,
): void {
  const { device } = commands;
  const buffers = { y, inv_rms: invRms, qkv, q_weight: qWeight, k_weight: kWeight };
  const { width } = byWidth(forward, headDim);
  const uniforms = { tokens, heads, kv_heads: kvHeads, vectors: headDim / width, eps };
  const constants = { LANES: elementLanes(device) };
  const { tileHeads, workgroups } = tilesOf(device, {
    count: tokens * (heads + 2 * kvHeads),
    vectors: headDim / width,
  });
  if (tileHeads > 0) {
    const { kernel } = byWidth(forwardTile, headDim);
    commands.dispatch(kernel, { buffers, uniforms: { ...uniforms, tile_heads: tileHeads }, workgroups, constants });
  } else {
    commands.dispatch(byWidth(forward, headDim).kernel, { buffers, uniforms, workgroups, constants });
  }
}

/**
 * How many heads a workgroup has as a tile, and the workgroups of all; 0 where each head has a lane of its own: on a
 * CPU, where a barrier costs more than reading twice, and for heads of more V than a workgroup has lanes.
 */
function tilesOf(
  device: Device,
  { count, vectors }: { count: number; vectors: number },
): { tileHeads: number; workgroups: ReturnType<typeof grid> } {
  const lanes = elementLanes(device);
  const tileHeads = device.family === "cpu" ? 0 : Math.floor(lanes / vectors);
  return { tileHeads, workgroups: grid(device, Math.ceil(count / (tileHeads || lanes))) };
}

/** Buffers for the gradients of {@linkcode headNorm}'s weights. */
export interface HeadNormWeightGradients {
  /** Added to: f32 [headDim]. */
  dqWeight: Slice;
  /** Added to: f32 [headDim]. */
  dkWeight: Slice;
  /** Scratch, overwritten: {@linkcode headNormPartialBytes} bytes. */
  partial: Slice;
}

/** Buffers and sizes of {@linkcode headNormBackward}. */
export interface HeadNormBackward extends HeadNormSizes {
  /** Output, overwritten: f32 [tokens, heads + 2·kvHeads, headDim]; not the buffer of `dy`. */
  dqkv: Slice;
  /** Gradient of {@linkcode headNorm}'s y. */
  dy: Slice;
  /** As {@linkcode headNorm} saved it. */
  invRms: Slice;
  /** As {@linkcode headNorm} read it. */
  qkv: Slice;
  qWeight: Slice;
  kWeight: Slice;
  /** Leave it out if the weights are frozen. */
  weightGradients?: HeadNormWeightGradients;
}

/** Bytes of the scratch that the weights' gradients need. */
export function headNormPartialBytes({ tokens, headDim }: Pick<HeadNormSizes, "tokens" | "headDim">): number {
  return Math.ceil(tokens / CHUNK) * 2 * headDim * 4;
}

/** Records the gradients of {@linkcode headNorm}. */
export function headNormBackward(
  commands: Commands,
  { dqkv, dy, invRms, qkv, qWeight, kWeight, weightGradients, tokens, heads, kvHeads, headDim }: HeadNormBackward,
): void {
  const { device } = commands;
  const vectors = headDim / byWidth(backward, headDim).width;
  const lanes = elementLanes(device);
  const buffers = { dqkv, dy, inv_rms: invRms, qkv, q_weight: qWeight, k_weight: kWeight };
  const uniforms = { tokens, heads, kv_heads: kvHeads, vectors };
  const constants = { LANES: lanes };
  const { tileHeads, workgroups } = tilesOf(device, { count: tokens * (heads + 2 * kvHeads), vectors });
  if (tileHeads > 0) {
    const { kernel } = byWidth(backwardTile, headDim);
    commands.dispatch(kernel, { buffers, uniforms: { ...uniforms, tile_heads: tileHeads }, workgroups, constants });
  } else {
    commands.dispatch(byWidth(backward, headDim).kernel, { buffers, uniforms, workgroups, constants });
  }
  if (!weightGradients) return;
  const { dqWeight, dkWeight, partial } = weightGradients;
  const chunks = Math.ceil(tokens / CHUNK);
  commands.dispatch(byWidth(backwardWeight, headDim).kernel, {
    buffers: { partial, dy, inv_rms: invRms, qkv },
    uniforms: { tokens, heads, kv_heads: kvHeads, vectors, chunks },
    workgroups: grid(device, Math.ceil(chunks * 2 * vectors / lanes)),
    constants: { LANES: lanes, CHUNK },
  });
  commands.dispatch(byWidth(backwardSum, headDim).kernel, {
    buffers: { dq_weight: dqWeight, dk_weight: dkWeight, partial },
    uniforms: { vectors, chunks },
    workgroups: [Math.ceil(2 * vectors / lanes)],
    constants: { LANES: lanes },
  });
}
