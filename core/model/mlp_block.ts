/** The MLP of a layer: norm, gate and up, SwiGLU, down. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import { swiglu, swigluBackward } from "../../kernels/mlp/swiglu.ts";
import { rmsNorm } from "../../kernels/norm/rms_norm.ts";
import type { BlockBackward, BlockCall, BlockForward } from "./decoder_types.ts";
import { linear, linearBackward } from "./linear.ts";
import { normBackward } from "./norm_backward.ts";

/** Records normed = norm(mid) again for the backward pass, as the buffer is all layers'. */
function normMid(commands: Commands, { decoder: { config }, tensors, parameters, batch, layer }: BlockCall): void {
  rmsNorm(commands, {
    y: layer.normed,
    invRms: layer.midInvRms,
    x: layer.mid,
    weight: parameters.get(tensors.mlpNorm.name).data,
    rows: batch.tokens,
    columns: config.hiddenSize,
    eps: config.rmsNormEps,
  });
}

/** Records activated = act(gate) · up of the layer's gate and up. */
function activate(commands: Commands, { decoder: { config }, spec, batch, layer }: BlockCall): void {
  switch (spec.mlp.activation) {
    case "silu":
      swiglu(commands, {
        act: layer.activated,
        gateUp: layer.gateUp,
        rows: batch.tokens,
        inner: config.intermediateSize,
      });
  }
}

/** Records dgateUp from the gradient of `activated`. */
function activateBackward(
  commands: Commands,
  { decoder: { config }, spec, batch, layer, scratch }: BlockBackward,
): void {
  switch (spec.mlp.activation) {
    case "silu":
      swigluBackward(commands, {
        dgateUp: scratch.dgateUp,
        dact: scratch.dactivated,
        gateUp: layer.gateUp,
        rows: batch.tokens,
        inner: config.intermediateSize,
      });
  }
}

/** Records projected = down(act(gate(n)) · up(n)), n = norm(mid) being in `layer.normed` already. */
export function mlpBlock(commands: Commands, call: BlockForward): void {
  const { tensors, parameters, batch, layer, projected } = call;
  const rows = batch.tokens;
  linear(commands, tensors.gateUp, { y: layer.gateUp, x: layer.normed, parameters, rows });
  activate(commands, call);
  linear(commands, tensors.down, { y: projected, x: layer.activated, parameters, rows });
}

/** Records the backward pass of {@linkcode mlpBlock} from `scratch.dx`, which its input's gradient is added to. */
export function mlpBlockBackward(commands: Commands, call: BlockBackward): void {
  const { tensors, parameters, batch, layer, scratch } = call;
  const rows = batch.tokens;
  const { partials } = scratch;
  activate(commands, call);
  linearBackward(commands, tensors.down, {
    dx: scratch.dactivated,
    dy: scratch.dx,
    x: layer.activated,
    parameters,
    partials,
    rows,
  });
  activateBackward(commands, call);
  normMid(commands, call);
  linearBackward(commands, tensors.gateUp, {
    dx: scratch.dnormed,
    dy: scratch.dgateUp,
    x: layer.normed,
    parameters,
    partials,
    rows,
  });
  normBackward(commands, tensors.mlpNorm, {
    dx: scratch.dx,
    accumulate: true,
    dy: scratch.dnormed,
    x: layer.mid,
    invRms: layer.midInvRms,
    parameters,
    partials,
    rows,
  });
}
