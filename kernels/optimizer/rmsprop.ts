/** The RMSprop optimizer. @module */
import source from "./rmsprop.wgsl" with { type: "text" };
import { type Commands, grid } from "../device/commands.ts";
import type { Slice } from "../device/device.ts";
import { INVOCATION } from "../device/invocation.ts";
import { byWidth, defineWidths, elementLanes } from "../vector.ts";
import { windowOf, windows } from "../window.ts";
import { CONTROL } from "./control.ts";

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

/** Buffers and settings of {@linkcode rmsprop}; the flat buffers are f32 [count], of any size. */
export interface RmsProp {
  /** Updated. */
  parameters: Slice;
  /** Mean square, updated; zero before the first step. */
  v: Slice;
  gradients: Slice;
  /** The group's record, after `guard`. */
  control: Slice;
  count: number;
  /** Elements before this one decay. */
  decayed: number;
  /** Learning rate of this step, the schedule's factor included. */
  lr: number;
  alpha: number;
  eps: number;
  weightDecay: number;
}

/** Records one step of RMSprop as PyTorch makes it, where the group's record lets it. */
export function rmsprop(
  commands: Commands,
  { control, count, decayed, lr, alpha, eps, weightDecay, ...flat }: RmsProp,
): void {
  const { kernel, width } = byWidth(kernels, count, decayed);
  const lanes = elementLanes(commands.device);
  for (const window of windows(commands.device, count, { rowBytes: 4, multiple: 4 })) {
    commands.dispatch(kernel, {
      buffers: {
        parameters: windowOf(flat.parameters, window, 4),
        v: windowOf(flat.v, window, 4),
        gradients: windowOf(flat.gradients, window, 4),
        control,
      },
      uniforms: {
        count: window.rows / width,
        decayed: Math.max(0, decayed - window.first) / width,
        weight_decay: weightDecay,
        lr,
        alpha,
        one_minus_alpha: 1 - alpha,
        eps,
      },
      workgroups: grid(commands.device, Math.ceil(window.rows / width / lanes)),
      constants: { LANES: lanes },
    });
  }
}
