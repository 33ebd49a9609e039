/** An optimizer's step over flat buffers of any size: one dispatch for each window that fits in a binding. @module */
import { type Commands, grid } from "../device/commands.ts";
import type { Slice } from "../device/slice.ts";
import type { UniformFields, UniformValues } from "../device/uniform.ts";
import { byWidth, elementLanes, type Widths } from "../vector.ts";
import { windowOf, windows } from "../window.ts";

/** What every optimizer's step takes; the flat buffers are f32 [count]. */
export interface OptimizerStep {
  /** Updated. */
  parameters: Slice;
  gradients: Slice;
  /** The group's record, after `guard`. */
  control: Slice;
  count: number;
  /** Number of elements that decay; they come first. */
  decayed: number;
  /** Learning rate of this step, the schedule's factor included. */
  lr: number;
  eps: number;
  weightDecay: number;
}

/** The uniforms that {@linkcode updateFlat} fills in, as they differ from window to window. */
type WindowFields = { count: "u32"; decayed: "u32" };

/** Records a kernel that has one lane for each V, over windows of the flat buffers. */
export function updateFlat<F extends string, U extends UniformFields & WindowFields>(
  commands: Commands,
  kernels: Widths<F | "control", U>,
  { flat, control, count, decayed, uniforms }: {
    flat: Readonly<Record<F, Slice>>;
    control: Slice;
    count: number;
    decayed: number;
    uniforms: Omit<UniformValues<U>, keyof WindowFields>;
  },
): void {
  const { kernel, width } = byWidth(kernels, count, decayed);
  const lanes = elementLanes(commands.device);
  for (const window of windows(commands.device, count, { rowBytes: 4, multiple: 4 })) {
    const buffers: Record<string, Slice> = { control };
    for (const name in flat) buffers[name] = windowOf(flat[name], window, 4);
    const sizes = { count: window.rows / width, decayed: Math.max(0, decayed - window.first) / width };
    commands.dispatch(kernel, {
      buffers: buffers as Record<F | "control", Slice>,
      uniforms: { ...uniforms, ...sizes } as UniformValues<U>,
      workgroups: grid(commands.device, Math.ceil(window.rows / width / lanes)),
      constants: { LANES: lanes },
    });
  }
}
