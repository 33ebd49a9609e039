/** Skips updates whose loss or gradients are not finite; the device decides, without a fence. @module */
import source from "./guard.wgsl" with { type: "text" };
import type { Commands } from "../device/commands.ts";
import { defineKernel } from "../device/kernel.ts";
import type { Slice } from "../device/slice.ts";
import { CONTROL } from "./control.ts";

const kernel = defineKernel({
  name: "guard",
  code: [CONTROL, { name: "kernels/optimizer/guard.wgsl", text: source }],
  bindings: { controls: "readWrite", metrics: "readWrite" },
  uniforms: {
    groups: "u32",
    step: "u32",
    loss_slot: "u32",
    norm_slot_0: "u32",
    norm_slot_1: "u32",
    log_beta1: "f32",
    log_beta2: "f32",
  },
});

/** Buffers and sizes of {@linkcode guard}. */
export interface Guard {
  /** The records of the groups that are updated together or not at all, from `allocControls` or `controlOf`. */
  controls: Slice;
  /** f32; the loss is read from it, and the norms are overwritten. */
  metrics: Slice;
  /** Index of the loss in the metrics. */
  lossSlot: number;
  /** Indices of each group's norm in the metrics: one or two groups. */
  normSlots: readonly [number, number?];
  /** Number of the optimizer step, which is kept if it is the first bad one. */
  step: number;
  /** Adam's betas; [0, 0] for an optimizer without bias correction. */
  betas: readonly [number, number];
}

/** Records the decision whether the groups are updated: all of them, or none. */
export function guard(commands: Commands, { controls, metrics, lossSlot, normSlots, step, betas }: Guard): void {
  const [first, second] = normSlots;
  commands.dispatch(kernel, {
    buffers: { controls, metrics },
    uniforms: {
      groups: second === undefined ? 1 : 2,
      step,
      loss_slot: lossSlot,
      norm_slot_0: first,
      norm_slot_1: second ?? first,
      log_beta1: logBeta(betas[0]),
      log_beta2: logBeta(betas[1]),
    },
    workgroups: [1],
  });
}

/** ln beta; for 0 a number whose exponential is 0, since WGSL has no infinity. */
function logBeta(beta: number): number {
  return Math.max(Math.log(beta), -1e4);
}
