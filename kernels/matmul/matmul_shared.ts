/**
 * The WGSL of the GPU family's matmul. A workgroup owns a tile of c and walks along k with a tile of a and one of b in
 * workgroup memory (at most 16 KiB). Each thread keeps its part of c in named registers, and loads its part of the next
 * tiles while it computes.
 *
 * c[i, j] = Σ over k, in order, of fma(a, b, sum), whatever the tile, so that a row of c does not depend on m.
 * A placed text multiplies each sum by `scale`. Overwrites c, or adds to it if `accumulate` is 1; then adds bias if
 * `add_bias` is 1.
 *
 * Workgroup memory is read and written in whole vec4s, since indexing their components is miscompiled on Metal.
 *
 * @module
 */
import { unroll } from "../unroll.ts";
import { type MatmulAccess, matmulHeader } from "./matmul_text.ts";

/** A tile of the GPU family. A workgroup has (rows / threadRows) · (columns / threadColumns) threads. */
export interface SharedTile {
  rows: number;
  columns: number;
  /** Steps of k that a tile holds. */
  depth: number;
  /** Rows of c that a thread owns: 1, 4 or 8. */
  threadRows: number;
  /** Columns of c that a thread owns: 4 or 8. */
  threadColumns: number;
}

/** An operand: its name, its tile's width across k, and whether its stored rows run along k. */
interface Operand {
  name: "a" | "b";
  span: number;
  alongK: boolean;
  /** Whether the vec4s in workgroup memory run along k, not across it. */
  keepsK: boolean;
}

const FOUR = [0, 1, 2, 3];

/** The WGSL of one tile and access. */
export function sharedText(access: MatmulAccess, tile: SharedTile): string {
  const { rows, columns, depth, threadRows, threadColumns } = tile;
  const across = columns / threadColumns;
  const threads = (rows / threadRows) * across;
  const a: Operand = { name: "a", span: rows, alongK: access.mode !== "TN", keepsK: threadRows === 1 };
  const b: Operand = { name: "b", span: columns, alongK: access.mode === "NT", keepsK: false };
  const blocksA = rows * depth / 16;
  const blocksB = columns * depth / 16;
  // Either half the threads fetch a and the other half b, or every thread fetches one block of each.
  const halves = blocksA + blocksB === threads;
  if (!halves && (blocksA !== threads || blocksB !== threads)) {
    throw new RangeError(`Cannot make a ${rows}x${columns}x${depth} tile: ${threads} threads do not divide its blocks`);
  }
  const both = (part: (operand: Operand, thread: string) => string): string =>
    halves
      ? `  if (t < ${blocksA}u) {\n${part(a, "t")}\n  } else {\n${part(b, `(t - ${blocksA}u)`)}\n  }`
      : `${part(a, "t")}\n${part(b, "t")}`;
  const register = ({ name }: Operand): string => halves ? "g" : `g${name}`;
  const rowVectors = Math.ceil(threadRows / 4);
  const columnVectors = threadColumns / 4;
  const rowOf = (i: number): string =>
    threadRows === 1 ? "row + ty" : `row + 4u * ty + ${Math.floor(i / 4) * rows / rowVectors + i % 4}u`;
  const columnOf = (j: number): string => `column + 4u * tx + ${j * columns / columnVectors}u`;
  const each = (line: (i: number, j: number) => string): string =>
    unroll(threadRows, (i) => unroll(columnVectors, (j) => line(i, j)));
  const names = halves ? ["g"] : ["ga", "gb"];
  return `${matmulHeader(access)}
var<workgroup> tile_a: array<vec4f, ${rows * depth / 4}>;
var<workgroup> tile_b: array<vec4f, ${columns * depth / 4}>;

@compute @workgroup_size(${threads})
fn main(@builtin(local_invocation_index) t: u32, @builtin(workgroup_id) group: vec3u) {
  let row = group.x * ${rows}u;
  let column = group.y * ${columns}u;
  let k_first = p.k_first + group.z * p.k_block;
  let k_last = min(k_first + p.k_block, p.k_last);
  let c_first = p.c_first + group.z * p.c_block;
  let tx = t % ${across}u;
  let ty = t / ${across}u;
${access.levels === "shared" ? "  keep_levels(t);\n  workgroupBarrier();" : ""}
${names.flatMap((name) => FOUR.map((q) => `  var ${name}${q} = vec4f();`)).join("\n")}
${both((operand, thread) => fetchBlock(access, { operand, depth, thread, register: register(operand), k: "k_first" }))}
${each((i, j) => `  var c${i}_${j} = vec4f();`)}
  for (var k = k_first; k < k_last; k += ${depth}u) {
    workgroupBarrier();
${both((operand, thread) => put({ operand, depth, thread, register: register(operand) }))}
    workgroupBarrier();
    let k_next = k + ${depth}u;
    if (k_next < k_last) {
${both((operand, thread) => fetchBlock(access, { operand, depth, thread, register: register(operand), k: "k_next" }))}
    }
    for (var kb = 0u; kb < ${depth / 4}u; kb += 1u) {
${threadRows === 1 ? `      let s = tile_a[${slot(a, { depth, across: "ty", k: "kb" })}];` : ""}
${
    unroll(4, (q) =>
      "      {\n" +
      (threadRows === 1
        ? ""
        : unroll(rowVectors, (h) =>
          `        let a${h} = tile_a[${
            slot(a, { depth, across: `(ty + ${h * rows / 4 / rowVectors}u)`, k: "kb", q })
          }];`) +
          "\n") +
      unroll(columnVectors, (j) =>
        `        let b${j} = tile_b[${
          slot(b, { depth, across: `(tx + ${j * columns / 4 / columnVectors}u)`, k: "kb", q })
        }];`) +
      "\n" +
      each((i, j) => {
        const value = threadRows === 1 ? `s[${q}]` : `a${Math.floor(i / 4)}[${i % 4}]`;
        return `        c${i}_${j} = fma(vec4f(${value}), b${j}, c${i}_${j});`;
      }) +
      "\n      }")
  }
    }
  }
${access.placed ? each((i, j) => `  c${i}_${j} *= p.scale;`) : ""}
${unroll(columnVectors, (j) => `  let last${j} = min(${columnOf(j)}, (p.n - 1u) / 4u * 4u);`)}
  if (p.accumulate != 0u) {
${each((i, j) => `    c${i}_${j} += load_c4(c_first + min(${rowOf(i)}, p.m - 1u) * p.ldc + last${j}, last${j});`)}
  }
  if (p.add_bias != 0u) {
${unroll(columnVectors, (j) => `    let bias${j} = load_bias4(last${j});`)}
${each((i, j) => `    c${i}_${j} += bias${j};`)}
  }
${
    unroll(threadRows, (i) =>
      `  if (${rowOf(i)} < p.m) {\n` +
      unroll(
        columnVectors,
        (j) => `    store_c4(c_first + (${rowOf(i)}) * p.ldc + ${columnOf(j)}, ${columnOf(j)}, c${i}_${j});`,
      ) +
      "\n  }")
  }
}
`;
}

/** The thread's 4x4 block: its group of four across k and its group of four k. Neighbours read neighbouring memory. */
function blockOf({ span, alongK }: Operand, { depth, thread }: { depth: number; thread: string }): [string, string] {
  return alongK
    ? [`(${thread} / ${depth / 4}u)`, `(${thread} % ${depth / 4}u)`]
    : [`(${thread} % ${span / 4}u)`, `(${thread} / ${span / 4}u)`];
}

/** Statements that read the thread's block of an operand at step `k` into four registers; reads beyond k give 0. */
function fetchBlock(
  access: MatmulAccess,
  { operand, depth, thread, register, k }: {
    operand: Operand;
    depth: number;
    thread: string;
    register: string;
    k: string;
  },
): string {
  const { name, alongK } = operand;
  const [group, kb] = blockOf(operand, { depth, thread });
  const [first, size, stride] = name === "a" ? ["row", "p.m", "p.lda"] : ["column", "p.n", "p.ldb"];
  const from = `${k} + 4u * ${kb}`;
  const lines = FOUR.map((q) => {
    if (alongK) {
      const load = `load_${name}4(min(${first} + 4u * ${group} + ${q}u, ${size} - 1u) * ${stride} + ${from})`;
      const inside = access.ragged
        ? `vec4u(${FOUR.map((r) => `${from} + ${r}u`).join(", ")}) < vec4u(k_last)`
        : `${from} < k_last`;
      return `    ${register}${q} = select(vec4f(), ${load}, ${inside});`;
    }
    const at = `min(${from} + ${q}u, k_last - 1u) * ${stride}`;
    const load = `load_${name}4(${at} + min(${first} + 4u * ${group}, (${size} - 1u) / 4u * 4u))`;
    return `    ${register}${q} = select(vec4f(), ${load}, ${from} + ${q}u < k_last);`;
  });
  return lines.join("\n");
}

/** Statements that put the four registers into workgroup memory, transposed if its vec4s run the other way. */
function put(
  { operand, depth, thread, register }: { operand: Operand; depth: number; thread: string; register: string },
): string {
  const { name, alongK, keepsK } = operand;
  const [group, kb] = blockOf(operand, { depth, thread });
  return FOUR.map((q) => {
    const value = alongK === keepsK
      ? `${register}${q}`
      : `vec4f(${FOUR.map((r) => `${register}${r}[${q}]`).join(", ")})`;
    const at = keepsK
      ? slot(operand, { depth, across: `(4u * ${group} + ${q}u)`, k: kb })
      : slot(operand, { depth, across: group, k: kb, q });
    return `    tile_${name}[${at}] = ${value};`;
  }).join("\n");
}

/** An index in workgroup memory. The exclusive or spreads the accesses of neighbouring threads over the banks. */
function slot(
  { span, keepsK }: Operand,
  { depth, across, k, q = 0 }: { depth: number; across: string; k: string; q?: number },
): string {
  if (keepsK) return `${across} * ${depth / 4}u + (${k} ^ (${across} & 7u))`;
  const spread = depth < 32 ? `(${k} * ${32 / depth}u)` : k;
  return `(4u * ${k} + ${q}u) * ${span / 4}u + (${across} ^ (${spread} & ${span / 4 - 1}u))`;
}
