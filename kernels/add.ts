/** Sums, element by element. @module */
import addSource from "./add.wgsl" with { type: "text" };
import addToSource from "./add_to.wgsl" with { type: "text" };
import { type Commands, grid } from "./device/commands.ts";
import type { Slice } from "./device/device.ts";
import { byWidth, defineWidths, elementLanes } from "./vector.ts";

const addKernel = defineWidths({
  name: "add",
  code: addSource,
  bindings: { out: "readWrite", a: "read", b: "read" },
  uniforms: { count: "u32" },
});

const addToKernel = defineWidths({
  name: "add_to",
  code: addToSource,
  bindings: { y: "readWrite", x: "read" },
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
  const { kernel, width } = byWidth(addKernel, count);
  const lanes = elementLanes(commands.device);
  commands.dispatch(kernel, {
    buffers: { out, a, b },
    uniforms: { count: count / width },
    workgroups: grid(commands.device, Math.ceil(count / width / lanes)),
    constants: { LANES: lanes },
  });
}

/** Buffers and size of {@linkcode addTo}; both f32 [count], not the same buffer. */
export interface AddTo {
  /** Added to. */
  y: Slice;
  x: Slice;
  count: number;
}

/** Records y += x. */
export function addTo(commands: Commands, { y, x, count }: AddTo): void {
  const { kernel, width } = byWidth(addToKernel, count);
  const lanes = elementLanes(commands.device);
  commands.dispatch(kernel, {
    buffers: { y, x },
    uniforms: { count: count / width },
    workgroups: grid(commands.device, Math.ceil(count / width / lanes)),
    constants: { LANES: lanes },
  });
}
