/** Kernels whose workgroups each sum over a row, by subgroup operations or through workgroup memory. @module */
import sharedSource from "./row_sum_shared.wgsl" with { type: "text" };
import subgroupSource from "./row_sum_subgroup.wgsl" with { type: "text" };
import type { Device } from "../device/device.ts";
import type { Kernel, KernelSpec } from "../device/kernel.ts";
import type { SourcePart } from "../device/source.ts";
import type { UniformFields } from "../device/uniform.ts";
import { unrollLoops } from "../unroll.ts";
import { byWidth, defineWidths, type Widths } from "../vector.ts";

const SHARED: SourcePart = { name: "kernels/norm/row_sum_shared.wgsl", text: sharedSource };
const SUBGROUP: SourcePart = { name: "kernels/norm/row_sum_subgroup.wgsl", text: subgroupSource };

/** The kernels of {@linkcode defineRows}. */
export interface RowKernels<B extends string, U extends UniformFields> {
  readonly spec: KernelSpec<B, U>;
  /** How many numbers of its row a lane may keep. */
  readonly most: number;
  /** Those that were asked for, by what they keep and how they sum. */
  readonly made: Map<string, Widths<B, U>>;
}

/**
 * Declares kernels as {@linkcode defineWidths} does, with `row_sum_shared.wgsl` and with `row_sum_subgroup.wgsl` before
 * their parts; both declare `row_sum`. On a GPU a lane keeps up to `most` V of its row, so that a row is read once;
 * `KEPT` is their number, and loops up to it are unrolled. Throws TypeError as `defineKernel`.
 */
export function defineRows<const B extends string, const U extends UniformFields>(
  spec: KernelSpec<B, U>,
  { most }: { most: number },
): RowKernels<B, U> {
  return { spec, most, made: new Map([["shared 0", withRowSum(spec, { sum: "shared", kept: 0 })]]) };
}

/** The kernel for this device, and for the sizes as `byWidth` chooses it. */
export function byRows<B extends string, U extends UniformFields>(
  device: Device,
  kernels: RowKernels<B, U>,
  columns: number,
): { kernel: Kernel<B, U>; width: number } {
  const vectors = columns % 4 === 0 ? columns / 4 : columns;
  // A CPU reads its row again from its nearest cache.
  const kept = device.family === "cpu" ? 0 : Math.min(kernels.most, Math.ceil(vectors / device.rowLanes));
  const sum = device.subgroupSize === device.rowLanes ? "subgroup" : "shared";
  const key = `${sum} ${kept}`;
  let widths = kernels.made.get(key);
  if (!widths) kernels.made.set(key, widths = withRowSum(kernels.spec, { sum, kept }));
  return byWidth(widths, columns);
}

function withRowSum<B extends string, U extends UniformFields>(
  spec: KernelSpec<B, U>,
  { sum, kept }: { sum: "shared" | "subgroup"; kept: number },
): Widths<B, U> {
  const constants = { name: "kernels/norm/row_sum.ts (generated)", text: `const KEPT = ${kept}u;` };
  const own = kept === 0
    ? spec.code
    : spec.code.map(({ name, text }) => ({ name, text: unrollLoops(text, { name: "KEPT", count: kept }) }));
  return sum === "shared"
    ? defineWidths({ ...spec, code: [SHARED, constants, ...own] })
    : defineWidths({ ...spec, code: [SUBGROUP, constants, ...own], requires: ["subgroups"] });
}
