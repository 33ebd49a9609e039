/** Announces the products of a layer, so that long passes are cut into several submissions. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import { elementsOf, type LinearTensors } from "./families/model_tensors.ts";

/** Products with fewer rows take the time of reading their matrix, which is that of about as many rows. */
const FEW_ROWS = 32;

/** Announces a product of `rows` rows with a matrix of `elements`. */
export function announceProduct(commands: Commands, { rows, elements }: { rows: number; elements: number }): void {
  if (rows < FEW_ROWS) commands.announce("decode", 2 * FEW_ROWS * elements);
  else commands.announce("forward", 2 * rows * elements);
}

/** Announces the forward pass of a linear layer over `rows` rows. */
export function announceLinear(commands: Commands, { weights }: LinearTensors, rows: number): void {
  announceProduct(commands, { rows, elements: weights.reduce((sum, weight) => sum + elementsOf(weight), 0) });
}

/** Announces the backward pass of a linear layer: the gradients at its input and, if it is trained, at its matrix. */
export function announceLinearBackward(commands: Commands, { weights }: LinearTensors, rows: number): void {
  commands.announce("backward", 4 * rows * weights.reduce((sum, weight) => sum + elementsOf(weight), 0));
}
