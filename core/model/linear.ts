/** A linear layer y = x·Wᵀ + b, forward and backward. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { Slice } from "../../kernels/device/device.ts";
import { biasGradient } from "../../kernels/matmul/bias_gradient.ts";
import { matmul } from "../../kernels/matmul/matmul.ts";
import type { ParameterBuffers } from "./parameters.ts";

/** Which parameters a linear layer reads, and its sizes; weight [outputs, inputs], bias [outputs]. */
export interface LinearShape {
  /** Names that lie end to end and act as one matrix. */
  weight: readonly string[];
  /** Empty without a bias. */
  bias: readonly string[];
  inputs: number;
  outputs: number;
}

/** Records y [rows, outputs] = x [rows, inputs] · Wᵀ + b. */
export function linear(
  commands: Commands,
  shape: LinearShape,
  { y, x, weights, rows }: { y: Slice; x: Slice; weights: ParameterBuffers; rows: number },
): void {
  matmul(commands, {
    mode: "NT",
    c: y,
    a: x,
    b: weights.view(...shape.weight),
    ...(shape.bias.length > 0 && { bias: weights.view(...shape.bias) }),
    m: rows,
    n: shape.outputs,
    k: shape.inputs,
  });
}

/** What {@linkcode linearBackward} reads and writes. */
export interface LinearBackward {
  /** Overwritten: [rows, inputs]. */
  dx: Slice;
  dy: Slice;
  x: Slice;
  weights: ParameterBuffers;
  /** Added to. */
  gradients: ParameterBuffers;
  /** Scratch for the bias's partial sums. */
  partials: Slice;
  rows: number;
}

/** Records dx = dy·W, dW += dyᵀ·x, db += Σ dy. */
export function linearBackward(commands: Commands, shape: LinearShape, call: LinearBackward): void {
  const { dx, dy, x, weights, gradients, partials, rows } = call;
  const { inputs, outputs } = shape;
  matmul(commands, { mode: "NN", c: dx, a: dy, b: weights.view(...shape.weight), m: rows, n: inputs, k: outputs });
  matmul(commands, {
    mode: "TN",
    c: gradients.view(...shape.weight),
    a: dy,
    b: x,
    m: outputs,
    n: inputs,
    k: rows,
    accumulate: true,
  });
  if (shape.bias.length > 0) {
    biasGradient(commands, { dbias: gradients.view(...shape.bias), scratch: partials, dy, rows, columns: outputs });
  }
}
