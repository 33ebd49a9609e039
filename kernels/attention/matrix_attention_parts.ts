/** The WGSL of attention on matrix units besides its products: a block's rows, its workgroup memory, and what lanes keep. @module */
import { subgroupSizeAttribute } from "../device/subgroup_matrix.ts";
import { unroll } from "../unroll.ts";
import { BLOCK, TILE } from "./blocked_attention.ts";
import { QUERY_ROWS } from "./blocked_attention_walk.ts";
import { type MatrixAttentionShape, SUMS_STRIDE, WEIGHTS_STRIDE } from "./matrix_attention.ts";

/** Weights are multiplied by 2^14, to have more of float16's exponents below 1. */
export const WEIGHTS_POWER = 14;

/** The product of a hidden key. Times the least factor it is below the least score, by more than exponents have. */
export const HIDDEN = "-0x1p120f";
export const LEAST_FACTOR = "0x1p-90f";
export const LEAST_SCORE = "-0x1p29f";

/** Constants that all these texts have. */
export function constants({ headDim, padded, rows, unit: { k } }: MatrixAttentionShape): string {
  return `const PADDED = ${padded}u;
const N = ${headDim / 4}u; // vec4s of a head
const DEPTH = ${k}u;
const ROWS = ${rows}u;
const BLOCK = ${BLOCK}u;
const TILE = ${TILE}u;
alias RowIds = u32; // a lane has one row`;
}

/** Workgroup memory: a block's sums, and its weights in float16. */
export function memory({ rows, parts }: MatrixAttentionShape): string {
  return `var<workgroup> sums: array<f32, ${rows * SUMS_STRIDE}>; // [ROWS, BLOCK] and a gap
var<workgroup> weights: array<f16, ${parts * rows * WEIGHTS_STRIDE}>; // as sums, for each part`;
}

/** The uniform record. */
export function paramsOf(uniforms: Readonly<Record<string, string>>): string {
  return `struct Params {
${Object.entries(uniforms).map(([name, type]) => `  ${name}: ${type},`).join("\n")}
}`;
}

/** The row of a lane, and where its part of it lies. */
export function ownRow({ rows, rowLanes, unit: { m } }: MatrixAttentionShape): string {
  return `let band = subgroup % ${rows / m}u * ${m}u; // the subgroup's first row of the block
  let own = min(band + lane % ${m}u, ROWS - 1u); // the lane's
  let part = min(lane / ${m}u, ${rowLanes - 1}u); // and which part of it
  let sums_own = own * ${SUMS_STRIDE}u + part * ${BLOCK / rowLanes}u;
  let weights_own = own * ${WEIGHTS_STRIDE}u + part * ${BLOCK / rowLanes}u;`;
}

/** Begins the entry point of a kernel that owns queries: its block, and the token and head of a lane's row. */
export function queryEntry(shape: MatrixAttentionShape): string {
  const { rows, unit: { m, lanes, saysLanes } } = shape;
  return `@compute @workgroup_size(${rows / m * lanes})${saysLanes ? ` ${subgroupSizeAttribute(lanes)}` : ""}
fn main(@builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32, id: Workgroup) {
  let index = group_index(id.group, id.groups);
  let group_size = p.heads / p.kv_heads;
  ${QUERY_ROWS}
  ${ownRow(shape)}
  let row = min(first_row + own, last_row);
  let tokens = tile.x + row / group_size;
  let head = kv_head * group_size + row % group_size;`;
}

/** Declares a function that combines what the lanes of a row have, the same for all of them. */
export function combine(
  name: string,
  expression: string,
  { rowLanes, unit: { m } }: MatrixAttentionShape,
  type: "f32" | "u32" = "f32",
): string {
  const steps: string[] = [];
  for (let mask = 1; mask < rowLanes; mask *= 2) {
    steps.push(`  other = subgroupShuffleXor(x, ${mask * m}u);\n  x = ${expression};`);
  }
  if (steps.length === 0) return `fn ${name}(x: ${type}) -> ${type} {\n  return x;\n}`;
  return `fn ${name}(own: ${type}) -> ${type} {\n  var x = own;\n  var other = ${type}();\n${
    steps.join("\n")
  }\n  return x;\n}`;
}

/** Some columns of the head, which pass through workgroup memory together. */
export interface Pass {
  first: number;
  count: number;
  index: number;
}

/** All columns. */
export function passes({ padded, columns }: MatrixAttentionShape): Pass[] {
  return Array.from({ length: Math.ceil(padded / columns) }, (_, index) => {
    const first = index * columns;
    return { first, count: Math.min(columns, padded - first), index };
  });
}

/** Text for each vec4 of a row's sums that a lane keeps: `out` gives out0_0, out0_1, … */
export function eachKept(shape: MatrixAttentionShape, name: string, text: (name: string) => string): string {
  return passes(shape).map(({ count, index }) =>
    unroll(count / shape.rowLanes / 4, (c) => text(`${name}${index}_${c}`))
  ).join("\n  ");
}

/** Stores what a lane keeps of its row to the head that begins with vec4 `at` of a buffer. */
export function storeKept(
  shape: MatrixAttentionShape,
  { name, buffer, at, value = (kept) => kept }: {
    name: string;
    buffer: string;
    at: string;
    value?: (kept: string) => string;
  },
): string {
  const { headDim, padded, rowLanes } = shape;
  return passes(shape).map(({ first, count, index }) => {
    const own = count / rowLanes / 4;
    return unroll(own, (c) => {
      const column = `part * ${own}u + ${first / 4 + c}u`;
      const store = `${buffer}[${at} + ${column}] = ${value(`${name}${index}_${c}`)};`;
      return headDim === padded ? store : `if (${column} < N) { ${store} }`;
    });
  }).join("\n    ");
}

/** Four neighbours of the sums. The index stands in full in each, for compilers to see that it is one. */
export function sumsAt(at: string): string {
  return `vec4f(${unroll(4, (q) => `sums[${at} + ${q}u]`, ", ")})`;
}

/** Overwrites the sums of what a lane's row does not see: `first` and `seen` of its block's rows are to be seen. */
export function hide({ rowLanes }: MatrixAttentionShape): string {
  return `for (var c = 0u; c < ${BLOCK / rowLanes / 4}u; c++) {
      ${
    unroll(4, (q) =>
      `if (first + 4u * c + ${q}u >= seen) {
        sums[sums_own + 4u * c + ${q}u] = ${HIDDEN};
      }`)
  }
    }`;
}
