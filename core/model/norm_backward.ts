/** The backward pass of an RMSNorm with its weight. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { Slice } from "../../kernels/device/device.ts";
import { rmsNormBackward, rmsNormBackwardWeight } from "../../kernels/norm/rms_norm.ts";
import type { ParameterBuffers } from "./parameters.ts";

/** What {@linkcode normBackward} reads and writes. */
export interface NormBackward {
  /** Overwritten, or added to where `accumulate`: [rows, columns]. */
  dx: Slice;
  accumulate: boolean;
  dy: Slice;
  x: Slice;
  invRms: Slice;
  weights: ParameterBuffers;
  /** Added to. */
  gradients: ParameterBuffers;
  /** Scratch. */
  partials: Slice;
  rows: number;
  columns: number;
}

/** Records the gradients of the norm whose weight is `name`. */
export function normBackward(commands: Commands, name: string, call: NormBackward): void {
  const { dx, accumulate, dy, x, invRms, weights, gradients, partials, rows, columns } = call;
  rmsNormBackwardWeight(commands, { dweight: gradients.view(name), scratch: partials, invRms, x, dy, rows, columns });
  rmsNormBackward(commands, { dx, invRms, x, weight: weights.view(name), dy, rows, columns, accumulate });
}
