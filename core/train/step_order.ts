/** Which rows each optimizer step sees. @module */
import { philox4x32 } from "../../kernels/random/philox.ts";
import { philoxKey } from "../../kernels/random/philox_key.ts";

/** The settings that fix the order. */
export interface OrderSettings {
  /** Rows of an optimizer step. */
  batch: number;
  epochs: number;
  /** Overrides `epochs` if positive. */
  maxSteps: number;
  shuffle: boolean;
  seed: number;
  iteration: number;
}

/** The steps of an iteration. */
export interface StepOrder {
  /** Number of optimizer steps. */
  readonly steps: number;
  /** Optimizer steps that one pass over the rows takes. */
  readonly stepsPerEpoch: number;
  /** Indices into the rows for optimizer step `step`; the last batch of an epoch may be smaller. */
  rowsOf(step: number): number[];
}

/**
 * Plans the order of `examples` (each row's index in its file): S = ⌈epochs · ⌈rows / batch⌉⌉ steps, or `maxSteps`.
 * With `shuffle`, the rows of an epoch are sorted by Philox's words at counter (example, epoch, 0, 0).
 */
export function planOrder(examples: readonly number[], settings: OrderSettings): StepOrder {
  const { batch, epochs, maxSteps, shuffle, seed, iteration } = settings;
  const stepsPerEpoch = Math.ceil(examples.length / batch);
  const steps = maxSteps > 0 ? maxSteps : Math.ceil(epochs * stepsPerEpoch);
  const key = philoxKey(seed, { iteration, purpose: "shuffling" });
  let epochOf = -1;
  let order: number[] = [];
  const orderOf = (epoch: number): number[] => {
    if (epoch === epochOf) return order;
    epochOf = epoch;
    order = examples.map((_, i) => i);
    if (shuffle) {
      const words = examples.map((example) => philox4x32([example, epoch, 0, 0], key));
      order.sort((a, b) => words[a]![0]! - words[b]![0]! || words[a]![1]! - words[b]![1]!);
    }
    return order;
  };
  return {
    steps,
    stepsPerEpoch,
    rowsOf(step) {
      const at = (step % stepsPerEpoch) * batch;
      return orderOf(Math.floor(step / stepsPerEpoch)).slice(at, at + batch);
    },
  };
}
