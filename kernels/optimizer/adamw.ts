/** The AdamW optimizer. @module */
import source from "./adamw.wgsl" with { type: "text" };
import type { Commands } from "../device/commands.ts";
import { INVOCATION } from "../device/invocation.ts";
import type { Slice } from "../device/slice.ts";
import { defineWidths } from "../vector.ts";
import { CONTROL } from "./control.ts";
import { type OptimizerStep, updateFlat } from "./flat_update.ts";

const kernels = defineWidths({
  name: "adamw",
  code: [CONTROL, INVOCATION, { name: "kernels/optimizer/adamw.wgsl", text: source }],
  bindings: { parameters: "readWrite", m: "readWrite", v: "readWrite", gradients: "read", control: "read" },
  uniforms: {
    count: "u32",
    decayed: "u32",
    decay: "f32",
    lr: "f32",
    one_minus_beta1: "f32",
    beta2: "f32",
    one_minus_beta2: "f32",
    eps: "f32",
  },
});

/** Buffers and settings of {@linkcode adamw}. */
export interface AdamW extends OptimizerStep {
  /** First moment, updated: f32 [count]; zero before the first step. */
  m: Slice;
  /** Second moment, updated: f32 [count]; zero before the first step. */
  v: Slice;
  betas: readonly [number, number];
}

/** Records one step of AdamW as PyTorch does it, if the group's record allows it. */
export function adamw(
  commands: Commands,
  { parameters, m, v, gradients, control, count, decayed, lr, betas, eps, weightDecay }: AdamW,
): void {
  updateFlat(commands, kernels, {
    flat: { parameters, m, v, gradients },
    control,
    count,
    decayed,
    uniforms: {
      decay: 1 - lr * weightDecay,
      lr,
      one_minus_beta1: 1 - betas[0],
      beta2: betas[1],
      one_minus_beta2: 1 - betas[1],
      eps,
    },
  });
}
