/** The sum of two parts' gradients. @module */
import source from "./add_gradients.wgsl" with { type: "text" };
import { type Commands, grid } from "../device/commands.ts";
import { INVOCATION } from "../device/invocation.ts";
import { defineKernel } from "../device/kernel.ts";
import type { Slice } from "../device/slice.ts";
import { elementLanes } from "../vector.ts";
import { windowOf, windows } from "../window.ts";

const kernel = defineKernel({
  name: "add_gradients",
  code: [INVOCATION, { name: "kernels/optimizer/add_gradients.wgsl", text: source }],
  bindings: { sums: "readWrite", others: "read" },
  uniforms: { count: "u32", rounded: "u32" },
});

/** Buffers and settings of {@linkcode addGradients}. */
export interface AddGradients {
  /** Updated: f32 [count]. */
  sums: Slice;
  /** f32 [count]. */
  others: Slice;
  /** Number of elements, a multiple of 4. */
  count: number;
  /** Whether both are rounded to bfloat16 before they are added, in float32 (default false). */
  rounded?: boolean;
}

/**
 * Records `sums` += `others`, in bits that do not depend on the device: numbers below the smallest normal one are 0, before
 * the sum and after it. Throws RangeError for a count that is no multiple of 4.
 */
export function addGradients(commands: Commands, { sums, others, count, rounded = false }: AddGradients): void {
  if (count % 4 !== 0) throw new RangeError(`Cannot add ${count} gradients, expected a multiple of 4`);
  const lanes = elementLanes(commands.device);
  for (const window of windows(commands.device, count, { rowBytes: 4, multiple: 4 })) {
    commands.dispatch(kernel, {
      buffers: { sums: windowOf(sums, window, 4), others: windowOf(others, window, 4) },
      uniforms: { count: window.rows / 4, rounded: rounded ? 1 : 0 },
      workgroups: grid(commands.device, Math.ceil(window.rows / 4 / lanes)),
      constants: { LANES: lanes },
    });
  }
}
