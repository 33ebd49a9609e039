/**
 * The WGSL of the matmul on subgroup matrices. A workgroup owns a tile of c; each of its subgroups keeps a part of it in
 * matrices of sums in float32, and walks along a block of k through both factors in float16 (matmul_halves.wgsl).
 *
 * These are scaled by powers of two, a row of a and a column of b each by its own, and each sum is multiplied by the
 * inverses: both are exact, so that nothing overflows, and only what is 2^28 times smaller than its row's or column's
 * largest loses digits to float16's range. With two parts a number is high + low, and a sum takes low · high, high · low
 * and high · high in each step of k; with one part, high · high alone.
 *
 * Overwrites c, or adds to it if `accumulate` is 1; then adds bias if `add_bias` is 1. Rows of a and columns of b with a
 * number that is not finite count as 0 (matmul_exceptions.wgsl).
 *
 * @module
 */
import {
  addProduct,
  declareSums,
  loadFactor,
  type MatrixUnit,
  storeSums,
  subgroupSizeAttribute,
} from "../device/subgroup_matrix.ts";
import { unroll } from "../unroll.ts";

/** A tile of the family: sizes of its part of c, and how subgroups share it. */
export interface MatrixTile {
  rows: number;
  columns: number;
  /** Subgroups below each other, and beside each other. */
  down: number;
  across: number;
}

/** How a tile is computed on a device. */
export interface MatrixShape {
  tile: MatrixTile;
  unit: MatrixUnit;
  /** Whether a and b each have a low part. */
  lowA: boolean;
  lowB: boolean;
  /** Steps of k that a loop takes at a time. */
  steps: number;
}

const FOUR = [0, 1, 2, 3];

/** The uniforms of these kernels. A workgroup's z adds z blocks to its k, and z times c_block to its place in c. */
export const matrixUniforms = {
  m: "u32",
  n: "u32",
  ldc: "u32",
  c_first: "u32",
  c_block: "u32",
  steps: "u32",
  accumulate: "u32",
  add_bias: "u32",
  scale: "f32",
} as const;

/** The buffers of these kernels. */
export const matrixBindings = {
  c: "readWrite",
  a: "read",
  b: "read",
  powers: "read",
  bias: "read",
} as const;

/** The matrices of a subgroup below each other, and beside each other. */
export function matricesOf({ tile, unit }: Pick<MatrixShape, "tile" | "unit">): { rows: number; columns: number } {
  return { rows: tile.rows / tile.down / unit.m, columns: tile.columns / tile.across / unit.n };
}

/** Bytes of workgroup memory that a text takes. */
export function matrixBytes({ tile: { down, across }, unit: { m, n } }: MatrixShape): number {
  return 4 * down * across * m * n;
}

/** A factor, of whose matrices a subgroup reads a band in each step. */
interface Factor {
  name: "a" | "b";
  side: "left" | "right";
  band: number;
  /** The size of a matrix across k. */
  size: number;
  low: boolean;
}

/** The WGSL of a tile; with `cVec` rows of c start at multiples of 4 and are whole fours. */
export function matrixText(shape: MatrixShape, cVec: boolean): string {
  const { tile: { rows, columns, down, across }, unit, lowA, lowB, steps } = shape;
  const { m, n, lanes, saysLanes } = unit;
  const own = matricesOf(shape);
  const a: Factor = { name: "a", side: "left", band: own.rows, size: m, low: lowA };
  const b: Factor = { name: "b", side: "right", band: own.columns, size: n, low: lowB };
  const subgroups = down * across;
  const threads = lanes * subgroups;
  const each = (line: (i: number, j: number) => string): string =>
    unroll(own.columns, (j) => unroll(own.rows, (i) => line(i, j)));
  return `struct Params {
${Object.entries(matrixUniforms).map(([name, type]) => `  ${name}: ${type},`).join("\n")}
}

@group(0) @binding(0) var<storage, read_write> c: array<${cVec ? "vec4f" : "f32"}>; // [m, n], rows ldc apart
@group(0) @binding(1) var<storage, read> a: array<f16>;
@group(0) @binding(2) var<storage, read> b: array<f16>;
@group(0) @binding(3) var<storage, read> powers: array<vec2f>; // [blocks, m + n]
@group(0) @binding(4) var<storage, read> bias: array<f32>; // [n] if add_bias is 1
@group(0) @binding(5) var<uniform> p: Params;

var<workgroup> sums: array<f32, ${subgroups * m * n}>; // a matrix of each subgroup

${finishText(cVec)}
@compute @workgroup_size(${threads})${saysLanes ? ` ${subgroupSizeAttribute(lanes)}` : ""}
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let row = group.x * ${rows}u + subgroup / ${across}u * ${rows / down}u;
  let column = group.y * ${columns}u + subgroup % ${across}u * ${columns / across}u;
  let c_first = p.c_first + group.z * p.c_block;
  let powers_first = group.z * (p.m + p.n);
${firstStep(a, { first: "row", lines: "p.m" })}
${firstStep(b, { first: "column", lines: "p.n" })}
${each((i, j) => `  ${declareSums(`c${i}_${j}`, unit)}`)}
  for (var s = 0u; s < p.steps; s += ${steps}u) {
    let step_a = (a_first + s) * ${stepLength(a, unit)}u;
    let step_b = (b_first + s) * ${stepLength(b, unit)}u;
${unroll(steps, (step) => `    {\n${products({ a, b }, { unit, step })}\n    }`)}
  }
${placesText(unit, own)}
${each((i, j) => finishPart(unit, { i, j }))}
}
`;
}

/** The fours of a matrix of sums that a lane writes, which lie below each other. */
function foursOf({ m, n, lanes }: MatrixUnit): number {
  return Math.ceil(m * n / 4 / lanes);
}

/** Declares where a lane's fours of c lie in the rows and columns of a subgroup's matrices, and their powers. */
function placesText(unit: MatrixUnit, own: { rows: number; columns: number }): string {
  const { m, n, lanes } = unit;
  const column = (j: number): string =>
    `  let j${j} = column + ${j * n}u + lane % ${n / 4}u * 4u;
${unroll(4, (q) => `  let power${j}_${q} = powers[powers_first + p.m + min(j${j} + ${q}u, p.n - 1u)];`)}
${
      ["x", "y"].map((field) => `  let ${field}${j} = vec4f(${FOUR.map((q) => `power${j}_${q}.${field}`).join(", ")});`)
        .join("\n")
    }`;
  const row = (i: number, u: number): string =>
    `  let i${i}_${u} = row + ${i * m + u * lanes * 4 / n}u + lane / ${n / 4}u;
  let row${i}_${u} = powers[powers_first + min(i${i}_${u}, p.m - 1u)] * vec2f(1.0, p.scale);
  let at${i}_${u} = c_first + i${i}_${u} * p.ldc;`;
  return `${unroll(own.columns, column)}\n${unroll(own.rows, (i) => unroll(foursOf(unit), (u) => row(i, u)))}`;
}

/** Statements with which each subgroup writes one of its matrices of sums: by way of workgroup memory, row by row. */
function finishPart(unit: MatrixUnit, { i, j }: { i: number; j: number }): string {
  const { m, n, lanes } = unit;
  const calls = unroll(foursOf(unit), (u) => {
    const sums = `subgroup * ${m * n}u + 4u * lane + ${4 * u * lanes}u`;
    const call = `finish(${sums}, i${i}_${u}, j${j}, at${i}_${u}, row${i}_${u}, x${j}, y${j});`;
    return m * n / 4 % lanes === 0 ? `  ${call}` : `  if (lane + ${u * lanes}u < ${m * n / 4}u) { ${call} }`;
  });
  const store = storeSums(`c${i}_${j}`, { array: "sums", first: `subgroup * ${m * n}u`, stride: n });
  return `  workgroupBarrier();\n  ${store}\n  workgroupBarrier();\n${calls}`;
}

/** Elements of a factor from one step of a band to the next. */
function stepLength({ band, size, low }: Factor, { k }: MatrixUnit): number {
  return band * (low ? 2 : 1) * size * k;
}

/** Declares the first step of a subgroup's band; beyond the last line it is the last band's. */
function firstStep({ name, band, size }: Factor, { first, lines }: { first: string; lines: string }): string {
  const last = `(${lines} - 1u) / ${band * size}u`;
  return `  let ${name}_first = (group.z * (${last} + 1u) + min(${first} / ${band * size}u, ${last})) * p.steps;`;
}

/** Statements that add the products of a step of k to all sums of a subgroup. */
function products({ a, b }: { a: Factor; b: Factor }, { unit, step }: { unit: MatrixUnit; step: number }): string {
  const factors = (factor: Factor, i: number): string => {
    const { name, side, size, low } = factor;
    return (low ? ["high", "low"] : ["high"]).map((part, at) => {
      const offset = step * stepLength(factor, unit) + (i * (low ? 2 : 1) + at) * size * unit.k;
      const place = { array: name, first: `step_${name} + ${offset}u`, stride: unit.k, byColumns: name === "b" };
      return `      let ${name}_${part}${i} = ${loadFactor(side, unit, place)};`;
    }).join("\n");
  };
  const product = (i: number, j: number): string =>
    [
      ...a.low ? [addProduct(`c${i}_${j}`, `a_low${i}`, `b_high${j}`)] : [],
      ...b.low ? [addProduct(`c${i}_${j}`, `a_high${i}`, `b_low${j}`)] : [],
      addProduct(`c${i}_${j}`, `a_high${i}`, `b_high${j}`),
    ].map((line) => `      ${line}`).join("\n");
  return [
    unroll(b.band, (j) => factors(b, j)),
    unroll(a.band, (i) => `${factors(a, i)}\n${unroll(b.band, (j) => product(i, j))}`),
  ].join("\n");
}

/** Declares `finish`, which writes four neighbours of c from their sums. */
function finishText(cVec: boolean): string {
  const column = (q: number): string => cVec ? `j + ${q}u` : `min(j + ${q}u, p.n - 1u)`;
  const stores = FOUR.map((q) => `  if (j + ${q}u < p.n) { c[at + ${q}u] = v[${q}]; }`);
  return `fn finish(at_sums: u32, i: u32, j: u32, at_row: u32, row: vec2f, x: vec4f, y: vec4f) {
  if (i >= p.m || j >= p.n) {
    return;
  }
  // In two steps, of which one alone rounds: the product of all powers may be no float32.
  var v = vec4f(${FOUR.map((q) => `sums[at_sums + ${q}u]`).join(", ")}) * row.x * x * (row.y * y);
  let at = at_row + j;
  if (p.accumulate != 0u) {
    v += ${cVec ? "c[at / 4u]" : `vec4f(${FOUR.map((q) => `c[at + min(${q}u, p.n - 1u - j)]`).join(", ")})`};
  }
  if (p.add_bias != 0u) {
    v += vec4f(${FOUR.map((q) => `bias[${column(q)}]`).join(", ")});
  }
${cVec ? "  c[at / 4u] = v;" : stores.join("\n")}
}
`;
}
