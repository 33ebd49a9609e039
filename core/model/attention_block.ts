/** The attention of a layer: norm, q k v, per-head norm (Qwen3), RoPE, attention, output projection. @module */
import { rope } from "../../kernels/attention/rope.ts";
import type { Commands } from "../../kernels/device/commands.ts";
import type { Slice } from "../../kernels/device/device.ts";
import { headNorm, headNormBackward } from "../../kernels/norm/head_norm.ts";
import { rmsNorm } from "../../kernels/norm/rms_norm.ts";
import { qkvColumns } from "./activations.ts";
import type {
  AttentionBackwardContext,
  AttentionContext,
  BlockBackward,
  BlockForward,
  Decoder,
} from "./decoder_types.ts";
import { linear, linearBackward, type LinearShape } from "./linear.ts";
import { normBackward } from "./norm_backward.ts";
import type { LayerNames } from "./parameter_names.ts";

type Attend = (buffers: Parameters<AttentionContext["attend"]>[1]) => void;
type AttendBackward = (buffers: Parameters<AttentionBackwardContext["attendBackward"]>[1]) => void;

function shapes({ config }: Decoder, names: LayerNames): { qkv: LinearShape; output: LinearShape } {
  const { hiddenSize, numHeads, headDim } = config;
  return {
    qkv: { weight: names.qkv, bias: names.qkvBias, inputs: hiddenSize, outputs: qkvColumns(config) },
    output: { weight: names.output, bias: names.outputBias, inputs: numHeads * headDim, outputs: hiddenSize },
  };
}

function rotate(commands: Commands, { decoder, batch, qkv, inverse }: {
  decoder: Decoder;
  batch: BlockForward["batch"];
  qkv: Slice;
  inverse: boolean;
}): void {
  const { numHeads: heads, numKvHeads: kvHeads, headDim } = decoder.config;
  rope(commands, {
    qkv,
    position: batch.position,
    table: decoder.rope,
    tokens: batch.tokens,
    heads,
    kvHeads,
    headDim,
    inverse,
  });
}

/** Records normed = norm(x) again for the backward pass, as the buffer is all layers'. */
function normInput(
  commands: Commands,
  { decoder: { config }, names, weights, batch, layer }: Omit<BlockForward, "projected">,
): void {
  rmsNorm(commands, {
    y: layer.normed,
    invRms: layer.inputInvRms,
    x: layer.x,
    weight: weights.view(names.inputNorm),
    rows: batch.tokens,
    columns: config.hiddenSize,
    eps: config.rmsNormEps,
  });
}

/** Records projected = o(attention(rope(qkv(normed)))), normed = norm(x) being there already; without rope where `attend` turns q and k itself. */
export function attentionBlock(
  commands: Commands,
  { decoder, names, weights, batch, layer, projected, attend, turns }: BlockForward & {
    attend: Attend;
    turns: boolean;
  },
): void {
  const { config } = decoder;
  const { qkv, output } = shapes(decoder, names);
  const rows = batch.tokens;
  linear(commands, qkv, { y: layer.qkvRaw, x: layer.normed, weights, rows });
  if (names.headNorms) {
    headNorm(commands, {
      y: layer.qkv,
      invRms: layer.headInvRms!,
      qkv: layer.qkvRaw,
      qWeight: weights.view(names.headNorms.q),
      kWeight: weights.view(names.headNorms.k),
      tokens: rows,
      heads: config.numHeads,
      kvHeads: config.numKvHeads,
      headDim: config.headDim,
      eps: config.rmsNormEps,
    });
  }
  if (!turns) rotate(commands, { decoder, batch, qkv: layer.qkv, inverse: false });
  attend({ out: layer.attended, lse: layer.lse, qkv: layer.qkv });
  linear(commands, output, { y: projected, x: layer.attended, weights, rows });
}

/** Records the backward pass of {@linkcode attentionBlock} from `scratch.dx`, which its input's gradient is added to. */
export function attentionBlockBackward(
  commands: Commands,
  { decoder, names, weights, gradients, batch, layer, scratch, attendBackward }: BlockBackward & {
    attendBackward: AttendBackward;
  },
): void {
  const { config } = decoder;
  const { qkv, output } = shapes(decoder, names);
  const rows = batch.tokens;
  const { partials } = scratch;
  linearBackward(commands, output, {
    dx: scratch.dattended,
    dy: scratch.dx,
    x: layer.attended,
    weights,
    gradients,
    partials,
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
  rotate(commands, { decoder, batch, qkv: scratch.dqkv, inverse: true });
  if (names.headNorms) {
    headNormBackward(commands, {
      dqkv: scratch.dqkvRaw,
      dy: scratch.dqkv,
      qkv: layer.qkvRaw,
      weightGradients: {
        dqWeight: gradients.view(names.headNorms.q),
        dkWeight: gradients.view(names.headNorms.k),
        partial: partials,
      },
      invRms: layer.headInvRms!,
      qWeight: weights.view(names.headNorms.q),
      kWeight: weights.view(names.headNorms.k),
      tokens: rows,
      heads: config.numHeads,
      kvHeads: config.numKvHeads,
      headDim: config.headDim,
    });
  }
  normInput(commands, { decoder, names, weights, batch, layer });
  linearBackward(commands, qkv, {
    dx: scratch.dnormed,
    dy: scratch.dqkvRaw,
    x: layer.normed,
    weights,
    gradients,
    partials,
    rows,
  });
  normBackward(commands, names.inputNorm, {
    dx: scratch.dx,
    accumulate: true,
    dy: scratch.dnormed,
    x: layer.x,
    invRms: layer.inputInvRms,
    weights,
    gradients,
    partials,
    rows,
    columns: config.hiddenSize,
  });
}
