/** Keys of `noise`. @module */
import { z } from "zod";
import { count, key, text } from "./key.ts";

/** Keys of `noise`. */
export const noiseKeys = {
  update: key(
    z.enum(["none", "joint", "alternating"]).default("joint"),
    "How the noise is trained. none: there is no noise; joint: one backward pass for model and noise; alternating: " +
      "noise_steps on the noise, then model_steps on the model.",
  ),
  noise_steps: key(count.default(1), "Steps on the noise in an alternating update."),
  model_steps: key(count.default(1), "Steps on the model in an alternating update."),
  init: key(
    text.default("linear"),
    "First values of the noise generator: linear (uniform ±1/√d), zeros, or a safetensors file with weight and bias " +
      "(with a rank: up, down and bias).",
  ),
  rank: key(
    count.exactOptional(),
    "Rank of the noise generator's weight, which is then the product of two matrices [V, rank] and [rank, d] and takes " +
      "little memory; default: full, as in the paper.",
  ),
  learning_rate: key(z.number().min(0).default(1e-2), "Peak learning rate of the noise generator."),
  max_variance: key(z.number().gt(0).default(1), "Bound of the variance that the noise can reach, above 0."),
  alpha: key(z.number().min(0).default(0.01), "Weight of the mean variance in the objective."),
};
