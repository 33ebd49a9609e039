/** Kernels written once for two widths: f32 elements, and vec4f elements for sizes that are multiples of 4. @module */
import scalarSource from "./vector_scalar.wgsl" with { type: "text" };
import vec4Source from "./vector_vec4.wgsl" with { type: "text" };
import type { Device } from "./device/device.ts";
import { defineKernel, type Kernel, type KernelSpec } from "./device/kernel.ts";
import type { SourcePart } from "./device/source.ts";
import type { UniformFields } from "./device/uniform.ts";

/** The part that declares the element type `V`, by its width. */
export const VECTOR_PARTS: Readonly<Record<1 | 4, SourcePart>> = {
  1: { name: "kernels/vector_scalar.wgsl", text: scalarSource },
  4: { name: "kernels/vector_vec4.wgsl", text: vec4Source },
};

/** The kernels of {@linkcode defineWidths}. */
export interface Widths<B extends string, U extends UniformFields> {
  readonly scalar: Kernel<B, U>;
  readonly vec4: Kernel<B, U>;
}

/**
 * Declares a kernel twice: with `vector_scalar.wgsl` and with `vector_vec4.wgsl` before its parts, which are written
 * for their element type `V`. Throws TypeError as {@linkcode defineKernel}.
 */
export function defineWidths<const B extends string, const U extends UniformFields>(
  spec: KernelSpec<B, U>,
): Widths<B, U> {
  return {
    scalar: defineKernel({ ...spec, code: [VECTOR_PARTS[1], ...spec.code] }),
    vec4: defineKernel({ ...spec, name: `${spec.name} vec4`, code: [VECTOR_PARTS[4], ...spec.code] }),
  };
}

/** The vec4 kernel and width 4 if all sizes are multiples of 4, else the scalar kernel and width 1. */
export function byWidth<B extends string, U extends UniformFields>(
  widths: Widths<B, U>,
  ...sizes: readonly number[]
): { kernel: Kernel<B, U>; width: number } {
  return sizes.every((size) => size % 4 === 0)
    ? { kernel: widths.vec4, width: 4 }
    : { kernel: widths.scalar, width: 1 };
}

/** The workgroup size for kernels whose lanes exchange nothing: one subgroup on a CPU, 256 on a GPU. */
export function elementLanes(device: Device): number {
  return device.family === "cpu" ? device.rowLanes : 256;
}
