/**
 * The WGSL of the GPU family's matmul for very few rows, as decoding has them: c = a·bᵀ, whose time is that of reading b.
 * All threads of a workgroup read b in whole stretches of its rows, dequantize it, and put it into workgroup memory; a
 * thread of each row and column then adds up. A thread holds its part of the next step while the others still add.
 *
 * c[i, j] = Σ over k, in order, of fma(a, b, sum), as in matmul_shared.ts, and cut at the same places: a row that is
 * decoded alone has the bits that it has among others. A placed text multiplies each sum by `scale`. Overwrites c, or
 * adds to it if `accumulate` is 1; then adds bias if `add_bias` is 1.
 *
 * @module
 */
import { unroll } from "../unroll.ts";
import { type MatmulAccess, matmulHeader } from "./matmul_text.ts";

/** A tile of rows by columns, with a thread for each number of it; `depth` steps of k lie in workgroup memory. */
export interface VectorTile {
  rows: number;
  columns: number;
  /** For an f32 b; for others twice as many. */
  depth: number;
}

const FOUR = [0, 1, 2, 3];

/** The WGSL of one tile and access; of mode NT alone. */
export function vectorText(access: MatmulAccess, { rows, columns, depth: depthOfFloats }: VectorTile): string {
  const { bType, bWide, ragged, placed } = access;
  const depth = bType === "f32" ? depthOfFloats : 2 * depthOfFloats;
  const threads = rows * columns;
  const unit = bWide ? 8 : 4;
  const across = depth / unit;
  const loads = columns * across / threads;
  const masked = (value: string, k: string): string => ragged ? `select(vec4f(), ${value}, ${insideOf(k)})` : value;
  const read = (k: string): string =>
    unroll(loads, (h) => `    w${h} = load_b${unit}(b_at${h} + min(${k} + k${h}, k_end));`);
  const put = unroll(loads, (h) =>
    (bWide ? ["low", "high"] : [""]).map((half, s) => {
      const at = s === 0 ? `(k + k${h})` : `(k + k${h} + 4u)`;
      return `    tile[slot(column${h}, k${h} / 4u + ${s}u)] = ${masked(`${half}(w${h})`, at)};`;
    }).join("\n"));
  return `${matmulHeader(access)}
var<workgroup> tile: array<vec4f, ${columns * depth / 4}>;

// The exclusive or spreads the accesses of neighbouring threads over the banks.
fn slot(column: u32, quad: u32) -> u32 {
  return column * ${depth / 4}u + (quad ^ (column & 7u));
}

@compute @workgroup_size(${threads})
fn main(@builtin(local_invocation_index) t: u32, @builtin(workgroup_id) group: vec3u) {
  let own = t % ${columns}u;
  let row = group.x * ${rows}u + t / ${columns}u;
  let column = group.y * ${columns}u + own;
  let k_first = p.k_first + group.z * p.k_block;
  let k_last = min(k_first + p.k_block, p.k_last);
  let k_end = (max(k_last, 1u) - 1u) / ${unit}u * ${unit}u;
  let a_at = min(row, p.m - 1u) * p.lda;
${
    unroll(loads, (h) =>
      `  let column${h} = (t + ${h * threads}u) / ${across}u;
  let k${h} = (t + ${h * threads}u) % ${across}u * ${unit}u;
  let b_at${h} = min(group.y * ${columns}u + column${h}, p.n - 1u) * p.ldb;
  var w${h}: ${bWide ? "Eight" : "vec4f"};`)
  }
${access.levels === "shared" ? "  keep_levels(t);\n  workgroupBarrier();" : ""}
  var sum = 0f;
${read("k_first")}
  for (var k = k_first; k < k_last; k += ${depth}u) {
    workgroupBarrier();
${put}
    workgroupBarrier();
${read(`k + ${depth}u`)}
    if (row < p.m) {
      let quads = min(${depth / 4}u, (k_last - k + 3u) / 4u);
      for (var quad = 0u; quad < quads; quad += 1u) {
        let at = k + 4u * quad;
        let x = ${masked("load_a4(a_at + at)", "at")};
        let y = tile[slot(own, quad)];
${FOUR.map((q) => `        sum = fma(x[${q}], y[${q}], sum);`).join("\n")}
      }
    }
  }
  if (row >= p.m || column >= p.n) {
    return;
  }
${placed ? "  sum *= p.scale;" : ""}
  let c_at = p.c_first + group.z * p.c_block + row * p.ldc + column;
  if (p.accumulate != 0u) {
    sum += c[c_at];
  }
  if (p.add_bias != 0u) {
    sum += bias[column];
  }
  c[c_at] = sum;
}
`;
}

/** Which of four elements from `k` on are inside the block. */
function insideOf(k: string): string {
  return `vec4u(${FOUR.map((q) => `${k} + ${q}u`).join(", ")}) < vec4u(k_last)`;
}
