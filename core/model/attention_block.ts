/** The attention of a layer: projection to q, k, v, norm of the heads, RoPE, attention, output projection. @module */
import { rope } from "../../kernels/attention/rope.ts";
import type { Commands } from "../../kernels/device/commands.ts";
import type { Slice } from "../../kernels/device/slice.ts";
import { announceLinear, announceLinearBackward } from "./announced_work.ts";
import type { AttendBackwardBuffers, AttendBuffers, BlockBackward, BlockCall, BlockForward } from "./decoder_types.ts";
import { headNorms, headNormsBackward } from "./head_norms.ts";
import { linear, linearBackward } from "./linear.ts";
import { outputGradient, readStream, readStreamBackward } from "./residual_stream.ts";

/** Records RoPE on q and k of `qkv`, or its inverse. */
function rotate(
  commands: Commands,
  { decoder: { config, rope: table }, batch }: BlockCall,
  { qkv, inverse }: { qkv: Slice; inverse: boolean },
): void {
  const { numHeads: heads, numKvHeads: kvHeads, headDim } = config;
  const { position, tokens } = batch;
  rope(commands, { qkv, position, table, tokens, heads, kvHeads, headDim, inverse });
}

/**
 * Records projected = o(attention(rope(qkv(normed)))). `layer.normed` must have been recorded before. RoPE is left out
 * if `attend` applies it itself (`appliesRope`).
 */
export function attentionBlock(
  commands: Commands,
  call: BlockForward & { attend: (buffers: AttendBuffers) => void; appliesRope: boolean },
): void {
  const { tensors, parameters, batch, layer, projected, attend, appliesRope } = call;
  const { tokens: rows, drop = null } = batch;
  const { low } = layer;
  announceLinear(commands, tensors.qkv, rows);
  linear(commands, tensors.qkv, { y: layer.qkvRaw, x: layer.normed, parameters, low, drop, rows });
  if (tensors.headNorms) headNorms(commands, call, tensors.headNorms);
  if (!appliesRope) rotate(commands, call, { qkv: layer.qkv, inverse: false });
  attend({ out: layer.attended, lse: layer.lse, qkv: layer.qkv });
  announceLinear(commands, tensors.output, rows);
  linear(commands, tensors.output, { y: projected, x: layer.attended, parameters, low, drop, rows });
}

/** Records the backward pass of {@linkcode attentionBlock}. It adds to the residual stream's gradient, `scratch.dx`. */
export function attentionBlockBackward(
  commands: Commands,
  call: BlockBackward & { attendBackward: (buffers: AttendBackwardBuffers) => void },
): void {
  const { tensors, parameters, batch, layer, scratch, needsInput, attendBackward } = call;
  const { tokens: rows, drop = null } = batch;
  const { partials, dlow } = scratch;
  const { low } = layer;
  announceLinearBackward(commands, tensors.output, rows);
  linearBackward(commands, tensors.output, {
    dx: scratch.dattended,
    dy: outputGradient(commands, call, "attention"),
    x: layer.attended,
    parameters,
    partials,
    low,
    dlow,
    drop,
    rows,
  });
  attendBackward({
    dqkv: scratch.dqkv,
    saved: scratch.saved,
    dout: scratch.dattended,
    out: layer.attended,
    lse: layer.lse,
    qkv: layer.qkv,
  });
  rotate(commands, call, { qkv: scratch.dqkv, inverse: true });
  if (tensors.headNorms) headNormsBackward(commands, call, tensors.headNorms);
  readStream(commands, call, "attention");
  announceLinearBackward(commands, tensors.qkv, rows);
  linearBackward(commands, tensors.qkv, {
    dx: needsInput ? scratch.dnormed : null,
    dy: scratch.dqkvRaw,
    x: layer.normed,
    parameters,
    partials,
    low,
    dlow,
    drop,
    rows,
  });
  if (needsInput) readStreamBackward(commands, call, "attention");
}
