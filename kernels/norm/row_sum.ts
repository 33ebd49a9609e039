/** Kernels that give a workgroup to each row and sum over it: by subgroup operations, or through workgroup memory. @module */
import type { Device } from "../device/device.ts";
import type { Kernel, KernelSpec } from "../device/kernel.ts";
import type { UniformFields } from "../device/uniform.ts";
import { byWidth, defineWidths, type Widths } from "../vector.ts";

const SHARED = `var<workgroup> row_partial: array<f32, LANES>;
fn row_sum(value: f32, lane: u32) -> f32 {
  row_partial[lane] = value;
  for (var half = LANES / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (lane < half) {
      row_partial[lane] += row_partial[lane + half];
    }
  }
  workgroupBarrier();
  return row_partial[0];
}
`;
/** For a workgroup of one subgroup: on a CPU no barrier, each of which would end and begin every lane's work. */
const SUBGROUP = `fn row_sum(value: f32, lane: u32) -> f32 {
  return subgroupAdd(value);
}
`;

/** The kernels of {@linkcode defineRows}. */
export interface RowKernels<B extends string, U extends UniformFields> {
  readonly shared: Widths<B, U>;
  readonly subgroup: Widths<B, U>;
}

/**
 * Declares a kernel as {@linkcode defineWidths} whose text has `row_sum(value, lane)` besides: the sum of the workgroup's
 * LANES values, for all of them, once in a run. Throws TypeError as `defineKernel`.
 */
export function defineRows<const B extends string, const U extends UniformFields>(
  spec: KernelSpec<B, U>,
): RowKernels<B, U> {
  return {
    shared: defineWidths({ ...spec, code: SHARED + spec.code }),
    subgroup: defineWidths({ ...spec, code: SUBGROUP + spec.code, requires: ["subgroups"] }),
  };
}

/** The kernel for this device and for sizes that are all multiples of `width`. */
export function byRows<B extends string, U extends UniformFields>(
  device: Device,
  kernels: RowKernels<B, U>,
  ...sizes: readonly number[]
): { kernel: Kernel<B, U>; width: number } {
  return byWidth(device.subgroupSize === device.rowLanes ? kernels.subgroup : kernels.shared, ...sizes);
}
