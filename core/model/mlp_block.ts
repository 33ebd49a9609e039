/** The MLP of a layer: gate and up, activation, down. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import { swiglu, swigluBackward } from "../../kernels/mlp/swiglu.ts";
import { announceLinear, announceLinearBackward } from "./announced_work.ts";
import type { BlockBackward, BlockCall, BlockForward } from "./decoder_types.ts";
import { linear, linearBackward } from "./linear.ts";
import { outputGradient, readStream, readStreamBackward } from "./residual_stream.ts";

/** Records activated = act(gate) · up, from the layer's `gateUp`. */
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

/** Records gate(n) and up(n), what the backward pass reads, where n is `layer.normed`, recorded before. */
export function mlpActivations(commands: Commands, { tensors, parameters, batch, layer }: BlockCall): void {
  const { tokens: rows, drop = null } = batch;
  const { gateUp: y, normed: x, low } = layer;
  announceLinear(commands, tensors.gateUp, rows);
  linear(commands, tensors.gateUp, { y, x, parameters, low, drop, rows });
}

/** Records projected = down(act(gate(n)) · up(n)), where n is `layer.normed`, recorded before. */
export function mlpBlock(commands: Commands, call: BlockForward): void {
  const { tensors, parameters, batch, layer, projected } = call;
  const { tokens: rows, drop = null } = batch;
  const { low } = layer;
  mlpActivations(commands, call);
  activate(commands, call);
  announceLinear(commands, tensors.down, rows);
  linear(commands, tensors.down, { y: projected, x: layer.activated, parameters, low, drop, rows });
}

/** Records the backward pass of {@linkcode mlpBlock}. It adds to the residual stream's gradient, `scratch.dx`. */
export function mlpBlockBackward(commands: Commands, call: BlockBackward): void {
  const { tensors, parameters, batch, layer, scratch, needsInput } = call;
  const { tokens: rows, drop = null } = batch;
  const { partials, dlow } = scratch;
  const { low } = layer;
  announceLinearBackward(commands, tensors.down, rows);
  activate(commands, call);
  linearBackward(commands, tensors.down, {
    dx: scratch.dactivated,
    dy: outputGradient(commands, call, "mlp"),
    x: layer.activated,
    parameters,
    partials,
    low,
    dlow,
    drop,
    rows,
  });
  announceLinearBackward(commands, tensors.gateUp, rows);
  activateBackward(commands, call);
  readStream(commands, call, "mlp");
  linearBackward(commands, tensors.gateUp, {
    dx: needsInput ? scratch.dnormed : null,
    dy: scratch.dgateUp,
    x: layer.normed,
    parameters,
    partials,
    low,
    dlow,
    drop,
    rows,
  });
  if (needsInput) readStreamBackward(commands, call, "mlp");
}
