/** The passes over its batch that an optimizer step takes. @module */
import type { NoiseConfig } from "../config/config_types.ts";

/** Which groups a pass over the batch updates. */
export interface Pass {
  model: boolean;
  noise: boolean;
  /** Added to the step's Philox counter. */
  index: number;
  /** Whether its numbers are logged: those of the first pass of each kind are. */
  logged: boolean;
}

/** The passes over the batch that one optimizer step takes (docs/method.md, `noise.update`). */
export function planPasses(noise: "none" | NoiseConfig): Pass[] {
  if (noise === "none") return [{ model: true, noise: false, index: 0, logged: true }];
  if (noise.update === "joint") return [{ model: true, noise: true, index: 0, logged: true }];
  const of = (count: number, kind: { model: boolean; noise: boolean }, first: number): Pass[] =>
    Array.from({ length: count }, (_, j) => ({ ...kind, index: first + j, logged: j === 0 }));
  return [
    ...of(noise.noise_steps, { model: false, noise: true }, 0),
    ...of(noise.model_steps, { model: true, noise: false }, noise.noise_steps),
  ];
}
