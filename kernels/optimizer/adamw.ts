/** The AdamW optimizer. @module */
import source from "./adamw.wgsl" with { type: "text" };
import { type Commands, grid } from "../device/commands.ts";
import type { Slice } from "../device/device.ts";
import { INVOCATION } from "../device/invocation.ts";
import { byWidth, defineWidths, elementLanes } from "../vector.ts";
import { windowOf, windows } from "../window.ts";
import { CONTROL } from "./control.ts";

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

/** Buffers and settings of {@linkcode adamw}; the flat buffers are f32 [count], of any size. */
export interface AdamW {
  /** Updated. */
  parameters: Slice;
  /** First moment, updated; zero before the first step. */
  m: Slice;
  /** Second moment, updated; zero before the first step. */
  v: Slice;
  gradients: Slice;
  /** The group's record, after `guard`. */
  control: Slice;
  count: number;
  /** Elements before this one decay. */
  decayed: number;
  /** Learning rate of this step, the schedule's factor included. */
  lr: number;
  betas: readonly [number, number];
  eps: number;
  weightDecay: number;
}

/** Records one step of AdamW as PyTorch makes it, where the group's record lets it. */
export function adamw(
  commands: Commands,
  { control, count, decayed, lr, betas, eps, weightDecay, ...flat }: AdamW,
): void {
  const { kernel, width } = byWidth(kernels, count, decayed);
  const lanes = elementLanes(commands.device);
  for (const window of windows(commands.device, count, { rowBytes: 4, multiple: 4 })) {
    commands.dispatch(kernel, {
      buffers: {
        parameters: windowOf(flat.parameters, window, 4),
        m: windowOf(flat.m, window, 4),
        v: windowOf(flat.v, window, 4),
        gradients: windowOf(flat.gradients, window, 4),
        control,
      },
      uniforms: {
        count: window.rows / width,
        decayed: Math.max(0, decayed - window.first) / width,
        decay: 1 - lr * weightDecay,
        lr,
        one_minus_beta1: 1 - betas[0],
        beta2: betas[1],
        one_minus_beta2: 1 - betas[1],
        eps,
      },
      workgroups: grid(commands.device, Math.ceil(window.rows / width / lanes)),
      constants: { LANES: lanes },
    });
  }
}
