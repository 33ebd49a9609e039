/** Gradients of biases: sums over rows. @module */
import source from "./bias_gradient.wgsl" with { type: "text" };
import type { Commands } from "../device/commands.ts";
import type { Slice } from "../device/slice.ts";
import { byWidth, defineWidths, elementLanes } from "../vector.ts";

const columnSums = defineWidths({
  name: "bias_gradient",
  code: [{ name: "kernels/matmul/bias_gradient.wgsl", text: source }],
  bindings: { sums: "readWrite", x: "read" },
  uniforms: { rows: "u32", columns: "u32", block_rows: "u32", accumulate: "u32" },
});

const BLOCK_ROWS = 64;

/** Buffers and sizes of {@linkcode biasGradient}. */
export interface BiasGradient {
  /** Added to: f32 [columns]. */
  dbias: Slice;
  /** Overwritten: {@linkcode biasGradientScratchBytes} bytes. */
  scratch: Slice;
  /** f32 [rows, columns]. */
  dy: Slice;
  rows: number;
  columns: number;
}

/** Bytes of scratch that {@linkcode biasGradient} needs. */
export function biasGradientScratchBytes(rows: number, columns: number): number {
  return Math.ceil(rows / BLOCK_ROWS) * columns * 4;
}

/** Records dbias[n] += Σ_m dy[m, n]: sums over blocks of rows, then the sum of these, always in the same order. */
export function biasGradient(commands: Commands, { dbias, scratch, dy, rows, columns }: BiasGradient): void {
  if (rows <= BLOCK_ROWS) {
    addColumnSums(commands, { sums: dbias, x: dy, rows, columns });
    return;
  }
  record(commands, { sums: scratch, x: dy, rows, columns }, { blockRows: BLOCK_ROWS, accumulate: 0 });
  addColumnSums(commands, { sums: dbias, x: scratch, rows: Math.ceil(rows / BLOCK_ROWS), columns });
}

/** Buffers and sizes of {@linkcode addColumnSums}. */
export interface ColumnSums {
  /** Added to: f32 [columns]. */
  sums: Slice;
  /** f32 [rows, columns]. */
  x: Slice;
  rows: number;
  columns: number;
}

/** Records sums[c] += Σ_r x[r, c] in one stage, for few rows. */
export function addColumnSums(commands: Commands, sizes: ColumnSums): void {
  record(commands, sizes, { blockRows: sizes.rows, accumulate: 1 });
}

function record(
  commands: Commands,
  { sums, x, rows, columns }: ColumnSums,
  { blockRows, accumulate }: { blockRows: number; accumulate: number },
): void {
  if (rows === 0) return;
  const { kernel, width } = byWidth(columnSums, columns);
  const lanes = elementLanes(commands.device);
  commands.dispatch(kernel, {
    buffers: { sums, x },
    uniforms: { rows, columns: columns / width, block_rows: blockRows, accumulate },
    workgroups: [Math.ceil(columns / width / lanes), Math.ceil(rows / blockRows)],
    constants: { LANES: lanes },
  });
}
