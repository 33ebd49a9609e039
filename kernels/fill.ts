/** Filling with one value. @module */
import source from "./fill.wgsl" with { type: "text" };
import { type Commands, grid } from "./device/commands.ts";
import type { Slice } from "./device/device.ts";
import { byWidth, defineWidths, elementLanes } from "./vector.ts";

const kernels = defineWidths({
  name: "fill",
  code: source,
  bindings: { y: "readWrite" },
  uniforms: { count: "u32", value: "f32" },
});

/** Buffer and size of {@linkcode fill}. */
export interface Fill {
  /** Overwritten: f32 [count]. */
  y: Slice;
  count: number;
  value: number;
}

/** Records y = value; zeros are cheaper by `Commands.clear`. */
export function fill(commands: Commands, { y, count, value }: Fill): void {
  const { kernel, width } = byWidth(kernels, count);
  const lanes = elementLanes(commands.device);
  commands.dispatch(kernel, {
    buffers: { y },
    uniforms: { count: count / width, value },
    workgroups: grid(commands.device, Math.ceil(count / width / lanes)),
    constants: { LANES: lanes },
  });
}
