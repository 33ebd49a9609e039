/** The parts of the WGSL of the attention kernels of a GPU. blocked_attention.ts says how the work is cut. @module */
import { unroll } from "../unroll.ts";
import { wgslNumber } from "./attention_text.ts";
import {
  BLOCK,
  type BlockedShape,
  type BlockSizes,
  COLUMNS,
  LANES,
  SIDE,
  STAGED_LINES,
  TILE,
} from "./blocked_attention.ts";

/** A vector of as many numbers as a lane has rows, by that number. */
const FLOATS: Readonly<Record<number, string>> = { 1: "f32", 2: "vec2f", 4: "vec4f" };
const INTEGERS: Readonly<Record<number, string>> = { 1: "u32", 2: "vec2u", 4: "vec4u" };
const COUNTED: Readonly<Record<number, string>> = { 1: "0u", 2: "vec2u(0, 1)", 4: "vec4u(0, 1, 2, 3)" };

/** The names of a lane's columns: `s` gives s0, s1, s2 and s3. */
export function columns(name: string): string[] {
  return Array.from({ length: COLUMNS }, (_, j) => `${name}${j}`);
}

/** Text for each column j of a lane. */
export function eachColumn(text: (j: number) => string): string {
  return unroll(COLUMNS, text);
}

/** Text for each of a lane's sums: row i, vec4 c. */
export function eachSum({ part, sums }: BlockSizes, text: (i: number, c: number) => string): string {
  return unroll(part, (i) => unroll(sums, (c) => text(i, c)));
}

/** Component i of a vector of `count` numbers. */
export function component(vector: string, count: number, i: number): string {
  return count === 1 ? vector : `${vector}.${"xyzw"[i]}`;
}

/** Constants, types, workgroup memory and the functions over it. */
export function declarations(size: BlockSizes, { headDim, scale }: BlockedShape): string {
  const { rowsOfLane, part, rows } = size;
  const parts = rowsOfLane / part;
  const pitch = rows / part + 1;
  const partOf = (i: number): string =>
    parts === 1 ? "v" : part === 1 ? component("v", rowsOfLane, i) : i === 0 ? "v.xy" : "v.zw";
  const at = (i: number): string => `passed[column][down * ${parts}u + ${i}u]`;
  return `// before: device/invocation.wgsl

const HEAD = ${headDim}u;
const N = ${size.vectors}u; // vec4s of a head
const STRIDE = ${headDim % 4 === 0 ? size.vectors : headDim}u; // elements of a buffer from head to head
const CHUNKS = ${size.chunks}u;
const CHUNK = ${size.chunk}u; // vec4s of a chunk
const ROWS = ${rows}u;
const BLOCK = ${BLOCK}u;
const TILE = ${TILE}u;
const SIDE = ${SIDE}u;
const STEP = ${size.step}u;
const SCALE = ${wgslNumber(scale)};
alias Rows = ${FLOATS[rowsOfLane]}; // a number for each row that a lane has scores of
alias RowIds = ${INTEGERS[rowsOfLane]};
alias Part = ${FLOATS[part]}; // a number for each row that a lane has sums of
const COUNTED = ${COUNTED[rowsOfLane]};

// An odd length of the lines spreads them over the banks. Compilers that check an index do so once for all that differ by
// a constant in the last place.
var<workgroup> staged: array<array<vec4f, SIDE + 1>, ${STAGED_LINES}>;
var<workgroup> passed: array<array<Part, ${pitch}>, SIDE>; // [column, rows]

fn pass_rows(column: u32, down: u32, v: Rows) {
  ${unroll(parts, (i) => `${at(i)} = ${partOf(i)};`)}
}
fn passed_rows(column: u32, down: u32) -> Rows {
  return Rows(${unroll(parts, (i) => `${at(i)}`, ", ")});
}
fn part_of(v: Rows, side: u32) -> Part {
  return ${parts === 1 ? "v" : `select(${partOf(0)}, ${partOf(1)}, side >= ${SIDE / 2}u)`};
}
`;
}

/** The element type of the buffers of heads. */
export function elementType(headDim: number): "vec4f" | "f32" {
  return headDim % 4 === 0 ? "vec4f" : "f32";
}

/** `load_{name}(at, d)`: vec4 d of the head of a buffer that begins with element `at`, filled up with zeros. */
export function loader(name: string, headDim: number): string {
  if (headDim % 4 === 0) return `fn load_${name}(at: u32, d: u32) -> vec4f { return ${name}[at + d]; }`;
  return `fn load_${name}(at: u32, d: u32) -> vec4f {
  let v = vec4f(${unroll(4, (i) => `${name}[at + 4 * d + ${i}u]`, ", ")});
  return select(vec4f(), v, vec4u(4 * d) + vec4u(0, 1, 2, 3) < vec4u(HEAD));
}`;
}

/** `store_{name}(at, d, v)`: writes what `load_{name}` reads. */
export function storer(name: string, headDim: number): string {
  if (headDim % 4 === 0) return `fn store_${name}(at: u32, d: u32, v: vec4f) { ${name}[at + d] = v; }`;
  return `fn store_${name}(at: u32, d: u32, v: vec4f) {
  ${unroll(4, (i) => `if (4 * d + ${i}u < HEAD) { ${name}[at + 4 * d + ${i}u] = v[${i}]; }`)}
}`;
}

/** The start of the entry point: the workgroup's `index`, and the lane's places in both products. */
export function main(size: BlockSizes): string {
  return `
@compute @workgroup_size(${LANES})
fn main(@builtin(local_invocation_index) lane: u32, id: Workgroup) {
  let index = group_index(id.group, id.groups);
  let group_size = p.heads / p.kv_heads;
  let token_stride = (p.heads + 2 * p.kv_heads) * STRIDE; // elements of qkv from token to token
  let side = lane % SIDE; // the columns side, side + SIDE, ... of the scores
  let down = lane / SIDE; // the rows from ${size.rowsOfLane} down of the scores
  let across = lane % ${size.across}u; // the vec4s across, across + ${size.across}, ... of the sums
  let first_sum = lane / ${size.across}u * ${size.part}u; // the first row of the sums
  let slot = lane / CHUNK; // the row of a chunk that this lane loads, and the vec4:
  let slot_vector = lane % CHUNK;
  let row_line = slot / ${size.rowsOfLane}u; // and where it goes as a row,
  let row_place = slot % ${size.rowsOfLane}u * CHUNK + slot_vector;
  let column_line = SIDE + slot % SIDE; // as a column
  let column_place = slot / SIDE * CHUNK + slot_vector;
  let step_token = lane / ${LANES / size.step}u; // the token of a step that this lane loads, from the vec4:
  let step_vector = lane % ${LANES / size.step}u;
  let step_line = step_token * ${size.lines}u + step_vector / SIDE; // and where it goes
  let step_place = step_vector % SIDE;`;
}
