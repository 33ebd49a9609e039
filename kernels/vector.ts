/** One kernel text for two widths: f32 elements, and vec4f elements where sizes are multiples of four. @module */
import type { Device } from "./device/device.ts";
import { defineKernel, type Kernel, type KernelSpec } from "./device/kernel.ts";
import type { UniformFields } from "./device/uniform.ts";

const SCALAR = `alias V = f32;
const WIDTH = 1u;
fn total(v: V) -> f32 {
  return v;
}
`;
const VEC4 = `alias V = vec4f;
const WIDTH = 4u;
fn total(v: V) -> f32 {
  return (v.x + v.y) + (v.z + v.w);
}
`;

/** The kernels of {@linkcode defineWidths}. */
export interface Widths<B extends string, U extends UniformFields> {
  readonly scalar: Kernel<B, U>;
  readonly vec4: Kernel<B, U>;
}

/**
 * Declares a kernel whose text is written for an element type `V` (f32 or vec4f) with its `WIDTH` (1 or 4) and
 * `total(v)` (the sum of its components). Throws TypeError as {@linkcode defineKernel}.
 */
export function defineWidths<const B extends string, const U extends UniformFields>(
  spec: KernelSpec<B, U>,
): Widths<B, U> {
  return {
    scalar: defineKernel({ ...spec, code: SCALAR + spec.code }),
    vec4: defineKernel({ ...spec, name: `${spec.name} vec4`, code: VEC4 + spec.code }),
  };
}

/** The kernel for sizes that are all multiples of `width`, which is 4 where they allow it, else 1. */
export function byWidth<B extends string, U extends UniformFields>(
  widths: Widths<B, U>,
  ...sizes: readonly number[]
): { kernel: Kernel<B, U>; width: number } {
  return sizes.every((size) => size % 4 === 0)
    ? { kernel: widths.vec4, width: 4 }
    : { kernel: widths.scalar, width: 1 };
}

/** Workgroup size for kernels without exchange between lanes: one subgroup on a CPU, 256 on a GPU. */
export function elementLanes(device: Device): number {
  return device.family === "cpu" ? device.rowLanes : 256;
}
