/**
 * A linear layer y = x·Wᵀ + b, forward and backward, with its adapters. No other file knows how its parameters are
 * stored and trained.
 *
 * @module
 */
import type { Commands } from "../../kernels/device/commands.ts";
import type { Slice } from "../../kernels/device/slice.ts";
import { biasGradient } from "../../kernels/matmul/bias_gradient.ts";
import { type Matmul, matmul } from "../../kernels/matmul/matmul.ts";
import type { AdapterDropout } from "./dropped_low_rank.ts";
import type { LinearTensors } from "./families/model_tensors.ts";
import { addLowRank, lowRankBackward } from "./low_rank.ts";
import type { Parameter, Parameters } from "./parameters.ts";

interface LinearParameters {
  weight: Parameter;
  bias: Parameter | null;
  inputs: number;
  outputs: number;
}

/** The layer's matrix [outputs, inputs] and bias [outputs], each made of tensors that lie end to end. */
function parametersOf(parameters: Parameters, { weights, biases }: LinearTensors): LinearParameters {
  const weight = parameters.get(...weights.map(({ name }) => name));
  const bias = biases.length === 0 ? null : parameters.get(...biases.map(({ name }) => name));
  const [outputs, inputs] = weight.shape;
  return { weight, bias, inputs: inputs!, outputs: outputs! };
}

/** A stored matrix as the second factor of a product. */
export function operandOf(
  { storage, data, scales }: Pick<Parameter, "storage" | "data" | "scales">,
): Pick<Matmul, "b" | "bType" | "scales"> {
  return { b: data, bType: storage, ...(scales && { scales }) };
}

/** What {@linkcode linear} reads and writes. */
export interface LinearForward {
  /** Overwritten: [rows, outputs]. */
  y: Slice;
  /** [rows, inputs]. */
  x: Slice;
  parameters: Parameters;
  /** Scratch of adapters: [rows, ranks]; null if there are none. */
  low: Slice | null;
  /** Dropout before adapters; null if nothing is dropped. */
  drop: AdapterDropout | null;
  rows: number;
}

/** Records y = x·Wᵀ + b, and adds what the adapters give. */
export function linear(
  commands: Commands,
  tensors: LinearTensors,
  { y, x, parameters, low, drop, rows }: LinearForward,
): void {
  const { weight, bias, inputs, outputs } = parametersOf(parameters, tensors);
  matmul(commands, {
    mode: "NT",
    c: y,
    a: x,
    ...operandOf(weight),
    ...(bias && { bias: bias.data }),
    m: rows,
    n: outputs,
    k: inputs,
  });
  if (weight.adapter) addLowRank(commands, weight.adapter, { y, low: low!, x, rows, outputs, drop });
}

/** What {@linkcode linearBackward} reads and writes. */
export interface LinearBackward {
  /** Overwritten: [rows, inputs]; null if nothing needs it. */
  dx: Slice | null;
  /** [rows, outputs]. */
  dy: Slice;
  /** [rows, inputs]. */
  x: Slice;
  /** The gradients of trained parameters are added to. */
  parameters: Parameters;
  /** Scratch for the bias's partial sums. */
  partials: Slice;
  /** Scratch of adapters: [rows, ranks] each; null if there are none. */
  low: Slice | null;
  dlow: Slice | null;
  drop: AdapterDropout | null;
  rows: number;
}

/** Records dx = dy·W, dW += dyᵀ·x, db += Σ dy. Adapters add their part. Gradients of frozen
 * parameters are left out. */
export function linearBackward(commands: Commands, tensors: LinearTensors, call: LinearBackward): void {
  const { dx, dy, x, parameters, partials, low, dlow, drop, rows } = call;
  const { weight, bias, inputs, outputs } = parametersOf(parameters, tensors);
  if (dx) matmul(commands, { mode: "NN", c: dx, a: dy, ...operandOf(weight), m: rows, n: inputs, k: outputs });
  if (weight.gradient) {
    matmul(commands, {
      mode: "TN",
      c: weight.gradient,
      a: dy,
      b: x,
      m: outputs,
      n: inputs,
      k: rows,
      accumulate: true,
    });
  }
  if (bias?.gradient) biasGradient(commands, { dbias: bias.gradient, scratch: partials, dy, rows, columns: outputs });
  if (weight.adapter) {
    lowRankBackward(commands, weight.adapter, { dx, dlow: dlow!, low: low!, dy, x, rows, outputs, drop });
  }
}
