/** The MLP of a layer: norm, gate and up, SwiGLU, down. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import { swiglu, swigluBackward } from "../../kernels/mlp/swiglu.ts";
import { rmsNorm } from "../../kernels/norm/rms_norm.ts";
import type { BlockBackward, BlockForward, Decoder } from "./decoder_types.ts";
import { linear, linearBackward, type LinearShape } from "./linear.ts";
import { normBackward } from "./norm_backward.ts";
import type { LayerNames } from "./parameter_names.ts";

function shapes({ config }: Decoder, names: LayerNames): { gateUp: LinearShape; down: LinearShape } {
  const { hiddenSize, intermediateSize } = config;
  return {
    gateUp: { weight: names.gateUp, bias: names.gateUpBias, inputs: hiddenSize, outputs: 2 * intermediateSize },
    down: { weight: names.down, bias: names.downBias, inputs: intermediateSize, outputs: hiddenSize },
  };
}

/** Records normed = norm(mid) again for the backward pass, as the buffer is all layers'. */
function normMid(
  commands: Commands,
  { decoder: { config }, names, weights, batch, layer }: Omit<BlockForward, "projected">,
): void {
  rmsNorm(commands, {
    y: layer.normed,
    invRms: layer.midInvRms,
    x: layer.mid,
    weight: weights.view(names.postNorm),
    rows: batch.tokens,
    columns: config.hiddenSize,
    eps: config.rmsNormEps,
  });
}

/** Records projected = down(silu(gate(n)) · up(n)), n = norm(mid) being in `layer.normed` already. */
export function mlpBlock(commands: Commands, { decoder, names, weights, batch, layer, projected }: BlockForward): void {
  const { config } = decoder;
  const { gateUp, down } = shapes(decoder, names);
  const rows = batch.tokens;
  linear(commands, gateUp, { y: layer.gateUp, x: layer.normed, weights, rows });
  swiglu(commands, { act: layer.activated, gateUp: layer.gateUp, rows, inner: config.intermediateSize });
  linear(commands, down, { y: projected, x: layer.activated, weights, rows });
}

/** Records the backward pass of {@linkcode mlpBlock} from `scratch.dx`, which its input's gradient is added to. */
export function mlpBlockBackward(
  commands: Commands,
  { decoder, names, weights, gradients, batch, layer, scratch }: BlockBackward,
): void {
  const { config } = decoder;
  const { gateUp, down } = shapes(decoder, names);
  const rows = batch.tokens;
  const { partials } = scratch;
  swiglu(commands, { act: layer.activated, gateUp: layer.gateUp, rows, inner: config.intermediateSize });
  linearBackward(commands, down, {
    dx: scratch.dactivated,
    dy: scratch.dx,
    x: layer.activated,
    weights,
    gradients,
    partials,
    rows,
  });
  swigluBackward(commands, {
    dgateUp: scratch.dgateUp,
    dact: scratch.dactivated,
    gateUp: layer.gateUp,
    rows,
    inner: config.intermediateSize,
  });
  normMid(commands, { decoder, names, weights, batch, layer });
  linearBackward(commands, gateUp, {
    dx: scratch.dnormed,
    dy: scratch.dgateUp,
    x: layer.normed,
    weights,
    gradients,
    partials,
    rows,
  });
  normBackward(commands, names.postNorm, {
    dx: scratch.dx,
    accumulate: true,
    dy: scratch.dnormed,
    x: layer.mid,
    invRms: layer.midInvRms,
    weights,
    gradients,
    partials,
    rows,
    columns: config.hiddenSize,
  });
}
