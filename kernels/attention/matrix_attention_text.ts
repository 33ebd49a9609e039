/** The WGSL of attention on a device's matrix units, which matrix_attention.ts describes. @module */
import { addProduct, declareSums, loadFactor, storeSums, subgroupSizeAttribute } from "../device/subgroup_matrix.ts";
import { unroll } from "../unroll.ts";
import { wgslNumber } from "./attention_text.ts";
import { BLOCK, TILE } from "./blocked_attention.ts";
import { HIDES_SOME, QUERY_ROWS, walkKeys } from "./blocked_attention_walk.ts";
import { type MatrixAttentionShape, SUMS_STRIDE, WEIGHTS_STRIDE } from "./matrix_attention.ts";

/** The buffers of these kernels. */
export const matrixAttentionBindings = {
  out: "readWrite",
  lse: "readWrite",
  halves: "read",
  powers: "read",
  first_slots: "read",
  places: "read",
  tiles: "read",
} as const;

/** Their uniforms. */
export const matrixAttentionUniforms = {
  tile_count: "u32",
  heads: "u32",
  kv_heads: "u32",
  window: "u32",
  slots: "u32",
  chunks: "u32", // matrices along a head: a constant would have compilers unroll the loop, and run out of registers
} as const;

/** The product of a hidden key. Times the least factor it is below the least score, by more than exponents have. */
const HIDDEN = "-0x1p120f";
const LEAST_FACTOR = "0x1p-90f";
const LEAST_SCORE = "-0x1p29f";

/** Weights are multiplied by 2^14, to have more of float16's exponents below 1. */
const WEIGHTS_POWER = 14;

/** Forward: overwrites out and lse, by an online softmax over blocks of keys. */
export function matrixForward(shape: MatrixAttentionShape): string {
  const { headDim, padded, scale, unit, parts, rows, rowLanes } = shape;
  const { m, k, lanes, saysLanes } = unit;
  return `// before: device/float16.wgsl, device/invocation.wgsl

const PADDED = ${padded}u;
const N = ${headDim / 4}u; // vec4s of a head
const DEPTH = ${k}u;
const ROWS = ${rows}u;
const BLOCK = ${BLOCK}u;
const TILE = ${TILE}u;
const SCALE = ${wgslNumber(scale * Math.LOG2E)}; // for powers of two
alias RowIds = u32; // a lane has one row

struct Params {
${Object.entries(matrixAttentionUniforms).map(([name, type]) => `  ${name}: ${type},`).join("\n")}
}

@group(0) @binding(0) var<storage, read_write> out: array<vec4f>; // [tokens, heads, head size]
@group(0) @binding(1) var<storage, read_write> lse: array<f32>; // [tokens, heads]
@group(0) @binding(2) var<storage, read> halves: array<f16>; // as attention_halves.wgsl writes them
@group(0) @binding(3) var<storage, read> powers: array<f32>;
@group(0) @binding(4) var<storage, read> first_slots: array<u32>;
@group(0) @binding(5) var<storage, read> places: array<vec4u>; // [tokens]
@group(0) @binding(6) var<storage, read> tiles: array<vec2u>; // [tile_count]
@group(0) @binding(7) var<uniform> p: Params;

var<workgroup> sums: array<f32, ${rows * SUMS_STRIDE}>; // [ROWS, BLOCK] and a gap
var<workgroup> weights: array<f16, ${parts * rows * WEIGHTS_STRIDE}>; // as sums, for each part

${combine("row_max", "max(x, other)", shape)}
${combine("row_sum", "x + other", shape)}

@compute @workgroup_size(${rows / m * lanes})${saysLanes ? ` ${subgroupSizeAttribute(lanes)}` : ""}
fn main(@builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32, id: Workgroup) {
  let index = group_index(id.group, id.groups);
  let group_size = p.heads / p.kv_heads;
  ${QUERY_ROWS}
  let band = subgroup * ${m}u; // the subgroup's first row of the block
  let own = min(band + lane % ${m}u, ROWS - 1u); // the lane's
  let part = min(lane / ${m}u, ${rowLanes - 1}u); // and which part of it
  let row = min(first_row + own, last_row);
  let tokens = tile.x + row / group_size;
  let head = kv_head * group_size + row % group_size;
  let power_stride = p.slots / DEPTH;
  let q_slot = first_slots[tile.x];
  let q_power = powers[head * power_stride + q_slot / DEPTH] * SCALE;
  // In lines of DEPTH numbers: compilers load whole lines where a place is a multiple of a constant.
  let plane = p.chunks * p.slots;
  let q_plane = plane * group_size;
  let q_first = kv_head * ${parts}u * q_plane + q_slot * group_size + first_row + band;
  let k_first = (p.heads + kv_head) * ${parts}u * plane;
  let v_first = (p.heads + p.kv_heads + kv_head) * ${parts}u * plane;
  let sums_own = own * ${SUMS_STRIDE}u + part * ${BLOCK / rowLanes}u;
  let weights_own = own * ${WEIGHTS_STRIDE}u + part * ${BLOCK / rowLanes}u;
  var top = ${LEAST_SCORE};
  var sum = 0.0; // of the lane's own columns
  ${eachOut(shape, (name) => `var ${name} = vec4f();`)}
  ${
    walkKeys(`let slot = first_slots[start];
    let undone = q_power * powers[(p.heads + kv_head) * power_stride + slot / DEPTH];
    let factor = select(undone, ${LEAST_FACTOR}, undone < ${LEAST_FACTOR}); // where all scores are about 0
    let v_factor = powers[(p.heads + p.kv_heads + kv_head) * power_stride + slot / DEPTH] * ${2 ** -WEIGHTS_POWER};
    ${scores(shape)}
    ${softmax(shape)}
    ${passes(shape).map((pass) => addSums(shape, pass)).join("\n")}`)
  }
  sum = row_sum(sum);
  if (first_row + own <= last_row) {
    let out_row = tokens * p.heads + head;
    if (part == 0) {
      lse[out_row] = (top + log2(sum)) * ${Math.LN2};
    }
    ${passes(shape).map((pass) => storeOut(shape, pass)).join("\n    ")}
  }
}
`;
}

/** Declares a function that combines what the lanes of a row have, the same for all of them. */
function combine(name: string, expression: string, { rowLanes, unit: { m } }: MatrixAttentionShape): string {
  const steps: string[] = [];
  for (let mask = 1; mask < rowLanes; mask *= 2) {
    steps.push(`  other = subgroupShuffleXor(x, ${mask * m}u);\n  x = ${expression};`);
  }
  if (steps.length === 0) return `fn ${name}(x: f32) -> f32 {\n  return x;\n}`;
  return `fn ${name}(own: f32) -> f32 {\n  var x = own;\n  var other = 0.0;\n${steps.join("\n")}\n  return x;\n}`;
}

interface Pass {
  first: number;
  count: number;
  index: number;
}

/** The columns of the head that pass through workgroup memory at a time. */
function passes({ padded, columns }: MatrixAttentionShape): Pass[] {
  return Array.from({ length: Math.ceil(padded / columns) }, (_, index) => {
    const first = index * columns;
    return { first, count: Math.min(columns, padded - first), index };
  });
}

/** Stores what a lane keeps of its row's sums in some columns. */
function storeOut({ headDim, padded, rowLanes }: MatrixAttentionShape, { first, count, index }: Pass): string {
  const own = count / rowLanes / 4;
  return unroll(own, (c) => {
    const column = `part * ${own}u + ${first / 4 + c}u`;
    const store = `out[out_row * N + ${column}] = out${index}_${c} / sum;`;
    return headDim === padded ? store : `if (${column} < N) { ${store} }`;
  });
}

/** Text for each vec4 of a row's sums that a lane keeps. */
function eachOut(shape: MatrixAttentionShape, text: (name: string) => string): string {
  return passes(shape).map(({ count, index }) => unroll(count / shape.rowLanes / 4, (c) => text(`out${index}_${c}`)))
    .join("\n  ");
}

/** Statements that add the products of two factors' parts, each given as its high and low one, to sums. */
function addParts(sums: string, left: string, right: string, parts: 1 | 2): string {
  const own = addProduct(sums, `${left}_0`, `${right}_0`);
  if (parts === 1) return own;
  return [addProduct(sums, `${left}_1`, `${right}_0`), addProduct(sums, `${left}_0`, `${right}_1`), own].join("\n");
}

/** The loads of a factor's parts. */
function loadParts(
  { unit, parts }: MatrixAttentionShape,
  name: string,
  { side, first, plane }: { side: "left" | "right"; first: string; plane: string },
): string {
  return unroll(parts, (part) => {
    const line = part === 0 ? first : `${first} + ${plane}`;
    const place = { array: "halves", first: `(${line}) * DEPTH`, stride: unit.k, byColumns: side === "right" };
    return `let ${name}_${part} = ${loadFactor(side, unit, place)};`;
  });
}

/** The scores, in workgroup memory. */
function scores(shape: MatrixAttentionShape): string {
  const { unit, parts, scoreColumns } = shape;
  const { n } = unit;
  const across = scoreColumns / n;
  return `workgroupBarrier();
    for (var column = 0u; column < BLOCK; column += ${scoreColumns}u) {
      ${unroll(across, (j) => declareSums(`s${j}`, unit))}
      for (var chunk = 0u; chunk < p.chunks; chunk++) {
        let q_chunk = q_first + chunk * p.slots * group_size;
        let k_chunk = k_first + chunk * p.slots + slot + column;
        ${loadParts(shape, "q", { side: "left", first: "q_chunk", plane: "q_plane" })}
        ${
    unroll(across, (j) =>
      `{
          ${loadParts(shape, "k", { side: "right", first: `k_chunk + ${j * n}u`, plane: "plane" })}
          ${addParts(`s${j}`, "q", "k", parts)}
        }`)
  }
      }
      ${unroll(across, (j) => storeBand(`s${j}`, `column + ${j * n}u`))}
    }
    workgroupBarrier();`;
}

function storeBand(name: string, column: string): string {
  return storeSums(name, {
    array: "sums",
    first: `band * ${SUMS_STRIDE}u + ${column}`,
    stride: SUMS_STRIDE,
  });
}

/** Four neighbours of the sums. The index stands in full in each, for compilers to see that it is one. */
function sumsAt(at: string): string {
  return `vec4f(${unroll(4, (q) => `sums[${at} + ${q}u]`, ", ")})`;
}

/** Makes weights of the scores, and `shrink` of what was summed before. */
function softmax({ rowLanes, rows, parts }: MatrixAttentionShape): string {
  const count = BLOCK / rowLanes;
  const each = (body: string): string =>
    `for (var c = 0u; c < ${count / 4}u; c++) {
      ${body}
    }`;
  const s = sumsAt("sums_own + 4u * c");
  const store = (at: string, value: string): string =>
    `{
        let halves = vec4<f16>(${value} * ${2 ** WEIGHTS_POWER}.0);
        ${unroll(4, (q) => `weights[${at} + ${q}u] = halves[${q}];`)}
      }`;
  return `if (${HIDES_SOME}) {
      let first = start + part * ${count}u - lowest;
      ${
    each(unroll(4, (q) =>
      `if (first + 4u * c + ${q}u >= seen) {
        sums[sums_own + 4u * c + ${q}u] = ${HIDDEN};
      }`))
  }
    }
    var most = vec4f(${HIDDEN});
    ${each(`most = max(most, ${s});`)}
    let new_top = max(top, row_max(max(max(most.x, most.y), max(most.z, most.w))) * factor);
    let shrink = exp2(top - new_top);
    top = new_top;
    var four = vec4f();
    ${
    each(`let w = exp2(${s} * factor - top);
      four += w;
      let high = ${parts === 1 ? "eleven_bits" : "first_bits"}(w);
      ${store("weights_own + 4u * c", "high")}
      ${parts === 1 ? "" : store(`weights_own + 4u * c + ${rows * WEIGHTS_STRIDE}u`, "(w - high)")}`)
  }
    sum = sum * shrink + ((four.x + four.y) + (four.z + four.w));
    workgroupBarrier();`;
}

/** Adds the weights times some columns of the values to what the lanes keep of them. */
function addSums(shape: MatrixAttentionShape, { first, count, index }: Pass): string {
  const { unit, parts, rows, rowLanes } = shape;
  const { n, k } = unit;
  const across = count / n;
  const own = count / rowLanes;
  const weights = (part: number): string => {
    const at = `band * ${WEIGHTS_STRIDE}u + ${part * rows * WEIGHTS_STRIDE}u + step`;
    return `let w_${part} = ${loadFactor("left", unit, { array: "weights", first: at, stride: WEIGHTS_STRIDE })};`;
  };
  return `{
      ${unroll(across, (j) => declareSums(`sums${j}`, unit))}
      for (var step = 0u; step < end - start; step += ${k}u) {
        let v_step = v_first + (slot + step) / DEPTH * PADDED + ${first}u;
        ${unroll(parts, weights)}
        ${
    unroll(across, (j) =>
      `{
          ${loadParts(shape, "v", { side: "right", first: `v_step + ${j * n}u`, plane: "plane" })}
          ${addParts(`sums${j}`, "w", "v", parts)}
        }`)
  }
      }
      ${index === 0 ? "" : "workgroupBarrier();"}
      ${unroll(across, (j) => storeBand(`sums${j}`, `${j * n}u`))}
    }
    workgroupBarrier();
    {
      let at = own * ${SUMS_STRIDE}u + part * ${own}u;
      ${
    unroll(own / 4, (c) => `out${index}_${c} = out${index}_${c} * shrink + ${sumsAt(`at + ${4 * c}u`)} * v_factor;`)
  }
    }`;
}
