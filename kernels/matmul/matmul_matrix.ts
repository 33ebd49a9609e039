/**
 * The WGSL of the matmul on subgroup matrices. A workgroup owns a tile of c and walks along a block of k with a tile of a
 * and one of b in workgroup memory, in float16; each of its subgroups keeps a part of c in matrices of sums in float32.
 *
 * Each row of a and column of b is multiplied by a power of two as it is read, which brings its largest number of the block
 * to 2^14 ≤ |x| < 2^15, and each sum by the inverses: both are exact, so that nothing overflows, and only what is 2^28 times
 * smaller than its row's or column's largest loses digits to float16's range. With two parts a number is high + low,
 * and a sum takes low · high, high · low and high · high in each step of k; with one part, high · high alone.
 *
 * Where a row or a column has numbers that are not finite, they stand as 0 in the tile, and its elements of c are then
 * computed in float32, as in the other tiles.
 *
 * A placed text multiplies each sum by `scale`. Overwrites c, or adds to it if `accumulate` is 1; then adds bias if
 * `add_bias` is 1.
 *
 * @module
 */
import { addProduct, declareSums, loadFactor, type MatrixPlace, storeSums } from "../device/subgroup_matrix.ts";
import { unroll } from "../unroll.ts";
import { type MatmulAccess, matmulHeader, type MatmulMode } from "./matmul_text.ts";

/** A tile of the family: sizes of its part of c, and how subgroups share it. */
export interface MatrixTile {
  rows: number;
  columns: number;
  /** Steps of k that a tile holds. */
  depth: number;
  /** Subgroups below each other, and beside each other. */
  down: number;
  across: number;
}

/** How a tile is computed on a device. */
export interface MatrixShape {
  tile: MatrixTile;
  /** Rows and columns of a subgroup matrix. */
  size: number;
  /** Lanes of a subgroup. */
  lanes: number;
  /** Whether a and b each have a low part. */
  lowA: boolean;
  lowB: boolean;
}

/** Elements between the lines of a tile, so that they begin in different banks. */
const GAP = 8;
const FOUR = [0, 1, 2, 3];

/** An operand's tile: lines as they are stored, along k or across it. */
interface Operand {
  name: "a" | "b";
  /** Rows of a, columns of b. */
  span: number;
  alongK: boolean;
  lines: number;
  stride: number;
  low: boolean;
}

function operandsOf(mode: MatmulMode, { tile, lowA, lowB }: MatrixShape): { a: Operand; b: Operand } {
  const operand = (name: "a" | "b", span: number, alongK: boolean, low: boolean): Operand => ({
    ...{ name, span, alongK, low },
    lines: alongK ? span : tile.depth,
    stride: (alongK ? tile.depth : span) + GAP,
  });
  return {
    a: operand("a", tile.rows, mode !== "TN", lowA),
    b: operand("b", tile.columns, mode === "NT", lowB),
  };
}

function halvesOf({ lines, stride, low }: Operand): number {
  return lines * stride * (low ? 2 : 1);
}

/** Bytes of workgroup memory that a text takes. */
export function matrixBytes(mode: MatmulMode, shape: MatrixShape): number {
  const { tile: { rows, columns, down }, size } = shape;
  const { a, b } = operandsOf(mode, shape);
  return 2 * (halvesOf(a) + halvesOf(b)) + 4 * (rows + columns + down * size * columns);
}

/** The WGSL of one tile and access. */
export function matrixText(access: MatmulAccess, shape: MatrixShape): string {
  const { tile: { rows, columns, depth, down, across }, size, lanes } = shape;
  // A text of subgroup matrices is never turned.
  const { a, b } = operandsOf(access.mode as MatmulMode, shape);
  const [ownRows, ownColumns] = [rows / down, columns / across];
  const [matrixRows, matrixColumns] = [ownRows / size, ownColumns / size];
  const threads = lanes * down * across;
  const each = (line: (i: number, j: number) => string): string =>
    unroll(matrixRows, (i) => unroll(matrixColumns, (j) => line(i, j)));
  const factor = (side: "left" | "right", i: number, part: "high" | "low"): string => {
    const operand = side === "left" ? a : b;
    const name = `${operand.name}_${part}${i}`;
    return `      let ${name} = ${
      loadFactor(side, size, placeOf(operand, { from: `own_${operand.name} + ${i * size}u`, part }))
    };`;
  };
  const product = (i: number, j: number): string[] => [
    ...a.low ? [addProduct(`c${i}_${j}`, `a_low${i}`, `b_high${j}`)] : [],
    ...b.low ? [addProduct(`c${i}_${j}`, `a_high${i}`, `b_low${j}`)] : [],
    addProduct(`c${i}_${j}`, `a_high${i}`, `b_high${j}`),
  ];
  return `${matmulHeader(access)}
var<workgroup> tile_a: array<f16, ${halvesOf(a)}>;
var<workgroup> tile_b: array<f16, ${halvesOf(b)}>;
var<workgroup> found_a: array<u32, ${rows}>;
var<workgroup> found_b: array<u32, ${columns}>;
var<workgroup> sums: array<f32, ${down * size * columns}>;

${SCALING}
${put(a)}
${put(b)}
${exceptionText(access)}
${finishText(access)}
@compute @workgroup_size(${threads})
fn main(
  @builtin(local_invocation_index) t: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(subgroup_id) subgroup: u32,
) {
  let row = group.x * ${rows}u;
  let column = group.y * ${columns}u;
  let k_first = p.k_first + group.z * p.k_block;
  let k_last = min(k_first + p.k_block, p.k_last);
  let c_first = p.c_first + group.z * p.c_block;
  let own_a = subgroup / ${across}u * ${ownRows}u;
  let own_b = subgroup % ${across}u * ${ownColumns}u;
${access.levels === "shared" ? "  keep_levels(t);" : ""}
  let first_found = k_first / p.k_block * (p.m + p.n);
  for (var i = t; i < ${rows}u; i += ${threads}u) {
    found_a[i] = exponents[first_found + min(row + i, p.m - 1u)];
  }
  for (var i = t; i < ${columns}u; i += ${threads}u) {
    found_b[i] = exponents[first_found + p.m + min(column + i, p.n - 1u)];
  }
${each((i, j) => `  ${declareSums(`c${i}_${j}`, size)}`)}
  for (var k = k_first; k < k_last; k += ${depth}u) {
    workgroupBarrier();
${loadTile(access, { operand: a, depth, threads })}
${loadTile(access, { operand: b, depth, threads })}
    workgroupBarrier();
    for (var step = 0u; step < ${depth}u; step += ${size}u) {
${unroll(matrixColumns, (j) => factor("right", j, "high"))}
${b.low ? unroll(matrixColumns, (j) => factor("right", j, "low")) : ""}
${
    unroll(matrixRows, (i) =>
      [
        ...a.low ? [factor("left", i, "low")] : [],
        factor("left", i, "high"),
        ...Array.from({ length: matrixColumns }, (_, j) => product(i, j)).flat().map((line) => `      ${line}`),
      ].join("\n"))
  }
    }
  }
  for (var strip = 0u; strip < ${matrixRows}u; strip++) {
    workgroupBarrier();
    switch (strip) {
${
    unroll(matrixRows, (i) =>
      `      ${i === 0 ? "default" : `case ${i}u`}: {
${
        unroll(matrixColumns, (j) =>
          "        " + storeSums(`c${i}_${j}`, {
            array: "sums",
            first: `subgroup / ${across}u * ${size * columns}u + own_b + ${j * size}u`,
            stride: columns,
          }))
      }
      }`)
  }
    }
    workgroupBarrier();
    for (var e = t; e < ${down * size * columns / 4}u; e += ${threads}u) {
      let line = e / ${columns / 4}u;
      let r = line / ${size}u * ${ownRows}u + strip * ${size}u + line % ${size}u;
      finish(4u * e, row, r, column, e % ${columns / 4}u * 4u, k_first, k_last, c_first);
    }
  }
}
`;
}

/** A matrix in an operand's tile, whose lines lie along k or across it. */
function placeOf(
  { name, alongK, lines, stride }: Operand,
  { from, part }: { from: string; part: "high" | "low" },
): MatrixPlace {
  const start = part === "low" ? ` + ${lines * stride}u` : "";
  const first = alongK ? `(${from}) * ${stride}u + step` : `step * ${stride}u + ${from}`;
  return { array: `tile_${name}`, first: first + start, stride, byColumns: alongK === (name === "b") };
}

/** Statements that bring a tile of an operand to float16; what lies beyond k is 0. */
function loadTile(
  access: MatmulAccess,
  { operand, depth, threads }: { operand: Operand; depth: number; threads: number },
): string {
  const { name, span, alongK, stride } = operand;
  const [first, size, ld] = name === "a" ? ["row", "p.m", "p.lda"] : ["column", "p.n", "p.ldb"];
  const perLine = (alongK ? depth : span) / 4;
  const lines = alongK
    ? `      let at_k = k + four;
      let inside = ${
      access.ragged
        ? `vec4u(${FOUR.map((q) => `at_k + ${q}u`).join(", ")}) < vec4u(k_last)`
        : "vec4<bool>(at_k < k_last)"
    };
      let v = load_${name}4(min(${first} + line, ${size} - 1u) * ${ld} + at_k);
      let scale = vec4f(scale_for(found_${name}[line]));`
    : `      let at_k = k + line;
      let inside = vec4<bool>(at_k < k_last);
      let v = load_${name}4(min(at_k, k_last - 1u) * ${ld} + min(${first} + four, (${size} - 1u) / 4u * 4u));
      let scale = vec4f(${FOUR.map((q) => `scale_for(found_${name}[four + ${q}u])`).join(", ")});`;
  return `    for (var i = t; i < ${span * depth / 4}u; i += ${threads}u) {
      let line = i / ${perLine}u;
      let four = i % ${perLine}u * 4u;
${lines}
      put_${name}(line * ${stride}u + four, select(vec4f(), v, inside), scale);
    }`;
}

/** Declares the function that puts four neighbours of an operand into its tile. */
function put({ name, lines, stride, low }: Operand): string {
  const store = (from: string, offset: number): string =>
    FOUR.map((q) => `  tile_${name}[at + ${offset + q}u] = f16(${from}[${q}]);`).join("\n");
  return `fn put_${name}(at: u32, v: vec4f, scale: vec4f) {
  let x = select(v * scale, vec4f(), (bitcast<vec4u>(v) & vec4u(0x7f800000u)) == vec4u(0x7f800000u));
  let high = eleven_bits(x);
${store("high", 0)}
${low ? `  let low = eleven_bits(x - high);\n${store("low", lines * stride)}` : ""}
}
`;
}

/**
 * The scale of a line is 2^(141 − exponent), with exponents from 14 on, so that it and its inverse are normal numbers.
 * A number is rounded to float16's eleven bits here, since devices may round a conversion as they like.
 */
const SCALING = `fn power(e: i32) -> f32 { return bitcast<f32>(u32(e + 127) << 23u); }

fn exponent_of(found: u32) -> i32 { return i32(max(found & 255u, 14u)) - 141; }

fn scale_for(found: u32) -> f32 { return power(-exponent_of(found)); }

// In two steps, of which one alone rounds: the product of both powers may be no float32.
fn unscaled(sum: f32, a: u32, b: u32) -> f32 {
  let e = max(exponent_of(a) + exponent_of(b), -252);
  return sum * power(e >> 1u) * power(e - (e >> 1u));
}

fn eleven_bits(x: vec4f) -> vec4f {
  let bits = bitcast<vec4u>(x);
  return bitcast<vec4f>((bits + vec4u(0xfffu) + ((bits >> vec4u(13u)) & vec4u(1u))) & vec4u(0xffffe000u));
}
`;

/** Declares `plain`, an element's sum over a block in float32. */
function exceptionText({ mode }: MatmulAccess): string {
  const a = mode === "TN" ? "k * p.lda + i" : "i * p.lda + k";
  const b = mode === "NT" ? "j * p.ldb + k" : "k * p.ldb + j";
  return `fn plain(i: u32, j: u32, k_first: u32, k_last: u32) -> f32 {
  var sum = 0.0;
  for (var k = k_first; k < k_last; k++) {
    let at_a = ${a};
    let at_b = ${b};
    sum = fma(load_a4(at_a / 4u * 4u)[at_a % 4u], load_b4(at_b / 4u * 4u)[at_b % 4u], sum);
  }
  return sum;
}
`;
}

/** Declares `finish`, which writes four neighbours of c from their sums. */
function finishText({ placed }: MatmulAccess): string {
  const own = (q: number): string => `unscaled(sums[at_sums + ${q}u], a, b[${q}])`;
  return `fn finish(at_sums: u32, row: u32, r: u32, column: u32, s: u32, k_first: u32, k_last: u32, c_first: u32) {
  let i = row + r;
  let j = column + s;
  if (i >= p.m || j >= p.n) {
    return;
  }
  let a = found_a[r];
  let b = vec4u(${FOUR.map((q) => `found_b[s + ${q}u]`).join(", ")});
  var v = vec4f(${FOUR.map(own).join(", ")});
  let found = vec4u(a) | b;
  if (((found.x | found.y | found.z | found.w) & 256u) != 0u) {
    for (var q = 0u; q < 4u; q++) {
      if ((found[q] & 256u) != 0u) {
        v[q] = plain(i, min(j + q, p.n - 1u), k_first, k_last);
      }
    }
  }
${placed ? "  v *= p.scale;" : ""}
  let at = c_first + i * p.ldc + j;
  if (p.accumulate != 0u) {
    v += load_c4(at, j);
  }
  if (p.add_bias != 0u) {
    v += load_bias4(j);
  }
  store_c4(at, j, v);
}
`;
}
