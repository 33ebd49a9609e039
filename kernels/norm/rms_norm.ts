/** RMSNorm over rows. @module */
import residualSource from "./add_rms_norm.wgsl" with { type: "text" };
import forwardSource from "./rms_norm.wgsl" with { type: "text" };
import backwardSource from "./rms_norm_backward.wgsl" with { type: "text" };
import weightSource from "./rms_norm_backward_weight.wgsl" with { type: "text" };
import { type Commands, grid } from "../device/commands.ts";
import { INVOCATION } from "../device/invocation.ts";
import type { Slice } from "../device/slice.ts";
import { addColumnSums } from "../matmul/bias_gradient.ts";
import { byWidth, defineWidths, elementLanes } from "../vector.ts";
import { byRows, defineRows } from "./row_sum.ts";

/** V of a row that a lane keeps at most: registers for rows of 8,192 in the forward pass, and 4,096 in the backward. */
const [KEPT, KEPT_BACKWARD] = [32, 16];

const forward = defineRows({
  name: "rms_norm",
  code: [INVOCATION, { name: "kernels/norm/rms_norm.wgsl", text: forwardSource }],
  bindings: { y: "readWrite", inv_rms: "readWrite", x: "read", weight: "read" },
  uniforms: { rows: "u32", columns: "u32", eps: "f32" },
}, { most: KEPT });

const residual = defineRows({
  name: "add_rms_norm",
  code: [INVOCATION, { name: "kernels/norm/add_rms_norm.wgsl", text: residualSource }],
  bindings: { s: "readWrite", y: "readWrite", inv_rms: "readWrite", a: "read", b: "read", weight: "read" },
  uniforms: { rows: "u32", columns: "u32", eps: "f32" },
}, { most: KEPT });

const backward = defineRows({
  name: "rms_norm_backward",
  code: [INVOCATION, { name: "kernels/norm/rms_norm_backward.wgsl", text: backwardSource }],
  bindings: { dx: "readWrite", inv_rms: "read", x: "read", weight: "read", dy: "read" },
  uniforms: { rows: "u32", columns: "u32", accumulate: "u32" },
}, { most: KEPT_BACKWARD });

const backwardWeight = defineWidths({
  name: "rms_norm_backward_weight",
  code: [{ name: "kernels/norm/rms_norm_backward_weight.wgsl", text: weightSource }],
  bindings: { partials: "readWrite", inv_rms: "read", x: "read", dy: "read" },
  uniforms: { rows: "u32", columns: "u32", block_rows: "u32" },
});

const BLOCK_ROWS = 64;

/** Buffers and sizes of {@linkcode rmsNorm}. */
export interface RmsNorm {
  /** Output, overwritten: f32 [rows, columns]. */
  y: Slice;
  /** Saved for backward, overwritten: f32 [rows]. */
  invRms: Slice;
  /** f32 [rows, columns]. */
  x: Slice;
  /** f32 [columns]. */
  weight: Slice;
  rows: number;
  columns: number;
  eps: number;
}

/** Records y = x / rms(x) · weight, row by row (Zhang & Sennrich 2019). */
export function rmsNorm(commands: Commands, { y, invRms, x, weight, rows, columns, eps }: RmsNorm): void {
  const { kernel, width } = byRows(commands.device, forward, columns);
  commands.dispatch(kernel, {
    buffers: { y, inv_rms: invRms, x, weight },
    uniforms: { rows, columns: columns / width, eps },
    workgroups: grid(commands.device, rows),
    constants: { LANES: commands.device.rowLanes },
  });
}

/** Buffers and sizes of {@linkcode addRmsNorm}. */
export interface AddRmsNorm extends Omit<RmsNorm, "x"> {
  /** Output a + b, overwritten: f32 [rows, columns]; not the buffer of `a` or `b`. */
  sum: Slice;
  /** f32 [rows, columns]. */
  a: Slice;
  /** f32 [rows, columns]. */
  b: Slice;
}

/** Records sum = a + b and y = sum / rms(sum) · weight, row by row: a residual and the norm that follows it. */
export function addRmsNorm(
  commands: Commands,
  { sum, y, invRms, a, b, weight, rows, columns, eps }: AddRmsNorm,
): void {
  const { kernel, width } = byRows(commands.device, residual, columns);
  commands.dispatch(kernel, {
    buffers: { s: sum, y, inv_rms: invRms, a, b, weight },
    uniforms: { rows, columns: columns / width, eps },
    workgroups: grid(commands.device, rows),
    constants: { LANES: commands.device.rowLanes },
  });
}

/** Buffers and sizes of {@linkcode rmsNormBackward}. */
export interface RmsNormBackward {
  /** Output, overwritten, or added to if `accumulate`: f32 [rows, columns]. */
  dx: Slice;
  /** As {@linkcode rmsNorm} saved it: f32 [rows]. */
  invRms: Slice;
  /** f32 [rows, columns]. */
  x: Slice;
  /** f32 [columns]. */
  weight: Slice;
  /** f32 [rows, columns]; not the buffer of `dx`. */
  dy: Slice;
  rows: number;
  columns: number;
  /** Whether to add to `dx`, for the residual path (default false). */
  accumulate?: boolean;
}

/** Records the gradient of RMSNorm's input. */
export function rmsNormBackward(
  commands: Commands,
  { dx, invRms, x, weight, dy, rows, columns, accumulate = false }: RmsNormBackward,
): void {
  const { kernel, width } = byRows(commands.device, backward, columns);
  commands.dispatch(kernel, {
    buffers: { dx, inv_rms: invRms, x, weight, dy },
    uniforms: { rows, columns: columns / width, accumulate: Number(accumulate) },
    workgroups: grid(commands.device, rows),
    constants: { LANES: commands.device.rowLanes },
  });
}

/** Buffers and sizes of {@linkcode rmsNormBackwardWeight}. */
export interface RmsNormBackwardWeight {
  /** Added to: f32 [columns]. */
  dweight: Slice;
  /** Scratch, overwritten: {@linkcode rmsNormScratchBytes} bytes. */
  scratch: Slice;
  /** As {@linkcode rmsNorm} saved it: f32 [rows]. */
  invRms: Slice;
  /** f32 [rows, columns]. */
  x: Slice;
  /** f32 [rows, columns]. */
  dy: Slice;
  rows: number;
  columns: number;
}

/** Bytes of scratch that {@linkcode rmsNormBackwardWeight} needs. */
export function rmsNormScratchBytes(rows: number, columns: number): number {
  return Math.ceil(rows / BLOCK_ROWS) * columns * 4;
}

/** Records the gradient of RMSNorm's weight: sums over blocks of rows, then the sum of these, always in one order. */
export function rmsNormBackwardWeight(
  commands: Commands,
  { dweight, scratch, invRms, x, dy, rows, columns }: RmsNormBackwardWeight,
): void {
  const { kernel, width } = byWidth(backwardWeight, columns);
  const lanes = elementLanes(commands.device);
  const blocks = Math.ceil(rows / BLOCK_ROWS);
  commands.dispatch(kernel, {
    buffers: { partials: scratch, inv_rms: invRms, x, dy },
    uniforms: { rows, columns: columns / width, block_rows: BLOCK_ROWS },
    workgroups: [Math.ceil(columns / width / lanes), blocks],
    constants: { LANES: lanes },
  });
  addColumnSums(commands, { sums: dweight, x: scratch, rows: blocks, columns });
}
