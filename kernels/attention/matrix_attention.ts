/**
 * The sizes of attention on a device's matrix units, for one head size.
 *
 * A workgroup owns a block of queries and walks over the keys, a tile's at a time, as the kernels of
 * blocked_attention.ts do. Each of its subgroups has the rows of one matrix of queries, and all keys of the block:
 *
 * - scores: matrices of sums in float32, which it stores to workgroup memory. Its lanes stand in `rowLanes` for each row,
 *   and hold a part of the row's scores in registers: there they are masked, and an online softmax makes weights of them.
 * - sums: the weights, in float16, times the values, a few columns of the head at a time. These too are stored to
 *   workgroup memory, and the row's lanes add them to what they keep of the row in registers.
 *
 * q, k and v are brought to float16 before (attention_halves.wgsl). A tile's scale is one power of two for the heads that
 * share a key, and weights are at most 1: so one factor undoes the scales of a block's scores, and one those of its sums.
 *
 * @module
 */
import type { Device } from "../device/device.ts";
import type { MatmulPrecision } from "../device/precision.ts";
import type { MatrixUnit } from "../device/subgroup_matrix.ts";
import { BLOCK, LANES, TILE } from "./blocked_attention.ts";

/** What the text depends on. */
export interface MatrixAttentionShape {
  headDim: number;
  /** The next number of whole matrices: what is beyond a head is 0. */
  padded: number;
  /** Factor on the scores before the softmax. */
  scale: number;
  unit: MatrixUnit;
  /** Float16 numbers of each factor: 2 with a low part. */
  parts: 1 | 2;
  /** Queries of a block, each a row of scores. */
  rows: number;
  /** Lanes that share a row. */
  rowLanes: number;
  /** Columns of the sums that pass through workgroup memory together. */
  columns: number;
  /** Columns of the scores that are summed together. */
  scoreColumns: number;
}

/** What names a kernel of this shape. */
export function shapeName({ headDim, rows, parts, unit: { m, n, k, lanes, saysLanes } }: MatrixAttentionShape): string {
  const of = `${m}x${n}x${k} by ${lanes} lanes${saysLanes ? "" : ", unsaid"}`;
  return `${parts === 2 ? "float32x3" : "float16"} of ${of}, ${rows} rows, head size ${headDim}`;
}

/** Matrices of sums that a subgroup keeps at a time. */
const MATRICES = 4;

/** The most workgroup memory that is taken: fewer rows leave a multiprocessor more workgroups. */
const MOST_BYTES = 32 * 1024;

/** What each row of workgroup memory has behind it, in bytes: rows begin in different banks, and where matrices may. */
const GAP_BYTES = 16;

/** Elements of workgroup memory from row to row of the sums in float32, and of the weights in float16. */
export const SUMS_STRIDE: number = BLOCK + GAP_BYTES / 4;
export const WEIGHTS_STRIDE: number = BLOCK + GAP_BYTES / 2;

/** Bytes of workgroup memory, with two numbers for each query of a block, which the gradient has. */
function matrixAttentionBytes({ rows, parts }: Pick<MatrixAttentionShape, "rows" | "parts">): number {
  return rows * (4 * SUMS_STRIDE + 2 * parts * WEIGHTS_STRIDE) + 8 * BLOCK;
}

/**
 * How a device computes attention in a precision on its matrix units; null where it does not: in float32, with heads that
 * are no multiple of 4, with a scale that is not positive, and where its units or its workgroups do not fit.
 */
export function matrixAttentionShape(
  { matrix: unit, limits }: Pick<Device, "matrix" | "limits">,
  { headDim, scale, precision }: { headDim: number; scale: number; precision: MatmulPrecision },
): MatrixAttentionShape | null {
  // The largest product has the largest score.
  if (precision === "float32" || unit === null || scale <= 0) return null;
  const { m, n, k, lanes, mostLanes } = unit;
  const rowLanes = lanes / m;
  const whole = Math.max(n, k);
  const padded = Math.ceil(headDim / whole) * whole;
  const scoreColumns = Math.min(BLOCK, MATRICES * n);
  const columns = Math.min(scoreColumns, padded);
  const perLane = [BLOCK, columns, padded % columns].map((count) => count / rowLanes);
  const isWhole = headDim % 4 === 0 && Number.isInteger(rowLanes) &&
    perLane.every((count) => count % 4 === 0);
  if (!isWhole) return null;
  const parts = precision === "float32x3" ? 2 : 1;
  for (let rows = TILE; rows >= m; rows /= 2) {
    const threads = rows / m * lanes;
    const fits = threads <= Math.min(LANES, limits.maxComputeInvocationsPerWorkgroup) && threads % mostLanes === 0 &&
      matrixAttentionBytes({ rows, parts }) <= Math.min(MOST_BYTES, limits.maxComputeWorkgroupStorageSize);
    if (fits) return { headDim, padded, scale, unit, parts, rows, rowLanes, columns, scoreColumns };
  }
  return null;
}
