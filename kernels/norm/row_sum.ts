/** Kernels whose workgroups each sum over a row, by subgroup operations or through workgroup memory. @module */
import sharedSource from "./row_sum_shared.wgsl" with { type: "text" };
import subgroupSource from "./row_sum_subgroup.wgsl" with { type: "text" };
import type { Device } from "../device/device.ts";
import type { Kernel, KernelSpec } from "../device/kernel.ts";
import type { SourcePart } from "../device/source.ts";
import type { UniformFields } from "../device/uniform.ts";
import { byWidth, defineWidths, type Widths } from "../vector.ts";

const SHARED: SourcePart = { name: "kernels/norm/row_sum_shared.wgsl", text: sharedSource };
const SUBGROUP: SourcePart = { name: "kernels/norm/row_sum_subgroup.wgsl", text: subgroupSource };

/** The kernels of {@linkcode defineRows}. */
export interface RowKernels<B extends string, U extends UniformFields> {
  readonly shared: Widths<B, U>;
  readonly subgroup: Widths<B, U>;
}

/**
 * Declares a kernel as {@linkcode defineWidths} does, with `row_sum_shared.wgsl` and with `row_sum_subgroup.wgsl`
 * before its parts; both declare `row_sum`. Throws TypeError as `defineKernel`.
 */
export function defineRows<const B extends string, const U extends UniformFields>(
  spec: KernelSpec<B, U>,
): RowKernels<B, U> {
  return {
    shared: defineWidths({ ...spec, code: [SHARED, ...spec.code] }),
    subgroup: defineWidths({ ...spec, code: [SUBGROUP, ...spec.code], requires: ["subgroups"] }),
  };
}

/** The kernel for this device, and for the sizes as `byWidth` chooses it. */
export function byRows<B extends string, U extends UniformFields>(
  device: Device,
  kernels: RowKernels<B, U>,
  ...sizes: readonly number[]
): { kernel: Kernel<B, U>; width: number } {
  return byWidth(device.subgroupSize === device.rowLanes ? kernels.subgroup : kernels.shared, ...sizes);
}
