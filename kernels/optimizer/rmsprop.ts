/** The RMSprop optimizer. @module */
import source from "./rmsprop.wgsl" with { type: "text" };
import type { Commands } from "../device/commands.ts";
import { INVOCATION } from "../device/invocation.ts";
import type { Slice } from "../device/slice.ts";
import { defineWidths } from "../vector.ts";
import { CONTROL } from "./control.ts";
import { type OptimizerStep, updateFlat } from "./flat_update.ts";

const kernels = defineWidths({
  name: "rmsprop",
  code: [CONTROL, INVOCATION, { name: "kernels/optimizer/rmsprop.wgsl", text: source }],
  bindings: { parameters: "readWrite", v: "readWrite", gradients: "read", control: "read" },
  uniforms: {
    count: "u32",
    decayed: "u32",
    weight_decay: "f32",
    lr: "f32",
    alpha: "f32",
    one_minus_alpha: "f32",
    eps: "f32",
  },
});

/** Buffers and settings of {@linkcode rmsprop}. */
export interface RmsProp extends OptimizerStep {
  /** Mean square, updated: f32 [count]; zero before the first step. */
  v: Slice;
  alpha: number;
}

/** Records one step of RMSprop as PyTorch does it, if the group's record allows it. */
export function rmsprop(
  commands: Commands,
  { parameters, v, gradients, control, count, decayed, lr, alpha, eps, weightDecay }: RmsProp,
): void {
  updateFlat(commands, kernels, {
    flat: { parameters, v, gradients },
    control,
    count,
    decayed,
    uniforms: { weight_decay: weightDecay, lr, alpha, one_minus_alpha: 1 - alpha, eps },
  });
}
