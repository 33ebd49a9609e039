/** The backward pass of an RMSNorm with its weight. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { Slice } from "../../kernels/device/slice.ts";
import { rmsNormBackward, rmsNormBackwardWeight } from "../../kernels/norm/rms_norm.ts";
import type { ParameterShape } from "./families/model_tensors.ts";
import type { Parameters } from "./parameters.ts";

/** What {@linkcode normBackward} reads and writes. */
export interface NormBackward {
  /** Overwritten, or added to if `accumulate` is set: [rows, columns]. */
  dx: Slice;
  accumulate: boolean;
  dy: Slice;
  x: Slice;
  invRms: Slice;
  /** The weight's gradient is added to if the weight is trained. */
  parameters: Parameters;
  /** Scratch. */
  partials: Slice;
  rows: number;
}

/** Records the gradients of the norm with the weight `tensor`. */
export function normBackward(commands: Commands, tensor: ParameterShape, call: NormBackward): void {
  const { dx, accumulate, dy, x, invRms, parameters, partials, rows } = call;
  const { data: weight, gradient: dweight, shape: [columns] } = parameters.get(tensor.name);
  const sizes = { rows, columns: columns! };
  if (dweight) rmsNormBackwardWeight(commands, { dweight, scratch: partials, invRms, x, dy, ...sizes });
  rmsNormBackward(commands, { dx, invRms, x, weight, dy, ...sizes, accumulate });
}
