/** The sum of two buffers, element by element. @module */
import source from "./add.wgsl" with { type: "text" };
import { type Commands, grid } from "./device/commands.ts";
import type { Slice } from "./device/device.ts";
import { byWidth, defineWidths, elementLanes } from "./vector.ts";

const kernels = defineWidths({
  name: "add",
  code: source,
  bindings: { out: "readWrite", a: "read", b: "read" },
  uniforms: { count: "u32" },
});

/** Buffers and size of {@linkcode add}; all f32 [count], `out` none of the others. */
export interface Add {
  /** Overwritten. */
  out: Slice;
  a: Slice;
  b: Slice;
  count: number;
}

/** Records out = a + b. */
export function add(commands: Commands, { out, a, b, count }: Add): void {
  const { kernel, width } = byWidth(kernels, count);
  const lanes = elementLanes(commands.device);
  commands.dispatch(kernel, {
    buffers: { out, a, b },
    uniforms: { count: count / width },
    workgroups: grid(commands.device, Math.ceil(count / width / lanes)),
    constants: { LANES: lanes },
  });
}
