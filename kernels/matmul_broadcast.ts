/**
 * Text of the CPU family's matmul: a workgroup is one subgroup and owns a tile of `rows` by 4·lanes·`vectors` of c.
 *
 * On a software rasterizer loads are the cost. So each lane keeps 4·vectors columns of b, the lanes load a's part of a
 * step together, and subgroupBroadcast hands it round. Everything is unrolled into named values, and each accumulator
 * finishes its four products in one expression, which keeps it in a register.
 *
 * c[i, j] = Σ over steps of 4 k, in order, of ((a0·b0 + a1·b1) + a2·b2) + a3·b3, whatever the tile: a row of c does not
 * depend on m. Overwrites c, or adds to it where `accumulate` is 1; then adds bias where `add_bias` is 1.
 *
 * @module
 */
import { type MatmulAccess, matmulHeader, times } from "./matmul_text.ts";

/** A tile of the CPU family. */
export interface BroadcastTile {
  /** Rows of c a workgroup owns; a multiple of 4 for TN. */
  rows: number;
  /** vec4s of columns of c a lane owns. */
  vectors: number;
  /** Lanes of a workgroup, which is one subgroup. */
  lanes: number;
  /** Whether the device has subgroups; without them every lane loads all of a's part. */
  subgroups: boolean;
}

/** The WGSL of one tile and access. */
export function broadcastText(access: MatmulAccess, { rows, vectors, lanes, subgroups }: BroadcastTile): string {
  const { mode, ragged } = access;
  const loads = subgroups ? Math.ceil(rows / lanes) : rows;
  const width = 4 * lanes;
  const columns = (j: number): string => `column + ${j * width}u`;
  // A step needs `rows` vec4s of a. NN and NT: one of each row, along k; TN: rows / 4 of each of four k, along m.
  const part = (h: number): string => subgroups ? `(${h * lanes}u + local.x) % ${rows}u` : `${h}u`;
  const prepareA = times(loads, (h) =>
    mode === "TN"
      ? `  let a_k${h} = (${part(h)}) / ${rows / 4}u;
  let a_at${h} = min(row + (${part(h)}) % ${rows / 4}u * 4u, (p.m - 1u) / 4u * 4u);`
      : `  let a_at${h} = min(row + ${part(h)}, p.m - 1u) * p.lda;`);
  const inside = (k: string): string => `${k} < k_last`;
  const past = "k + 1u >= k_last, k + 2u >= k_last, k + 3u >= k_last";
  const alongK = (load: string): string => ragged ? `select(${load}, vec4f(), vec4<bool>(false, ${past}))` : load;
  const acrossK = (k: string, load: (k: string) => string): string =>
    ragged ? `select(vec4f(), ${load(`min(${k}, k_last - 1u)`)}, ${inside(k)})` : load(k);
  const loadA = times(loads, (h) => {
    const value = mode === "TN"
      ? acrossK(`k + a_k${h}`, (k) => `load_a4((${k}) * p.lda + a_at${h})`)
      : alongK(`load_a4(a_at${h} + k)`);
    return `    let a${h} = ${value};`;
  });
  const prepareB = times(
    vectors,
    (j) =>
      mode === "NT"
        ? times(4, (q) => `  let b_at${j}_${q} = min(${columns(j)} + ${q}u, p.n - 1u) * p.ldb;`)
        : `  let b_at${j} = min(${columns(j)}, (p.n - 1u) / 4u * 4u);`,
  );
  const loadB = times(
    vectors,
    (j) =>
      mode === "NT"
        ? times(4, (q) => `    let t${j}_${q} = ${alongK(`load_b4(b_at${j}_${q} + k)`)};`) + "\n" +
          times(4, (q) => `    let b${j}_${q} = vec4f(${[0, 1, 2, 3].map((r) => `t${j}_${r}[${q}]`).join(", ")});`)
        : times(4, (q) => `    let b${j}_${q} = ${acrossK(`k + ${q}u`, (k) => `load_b4((${k}) * p.ldb + b_at${j})`)};`),
  );
  const share = (index: number): string =>
    subgroups ? `subgroupBroadcast(a${Math.floor(index / lanes)}, ${index % lanes}u)` : `a${index}`;
  const terms = (j: number, q: (k: number) => string): string =>
    [0, 1, 2, 3].map((k) => `${q(k)} * b${j}_${k}`).join(" + ");
  const multiply = mode === "TN"
    ? times(rows / 4, (g) =>
      `    {\n` + times(4, (q) => `      let s${q} = ${share(q * rows / 4 + g)};`) + "\n" +
      times(4, (r) => times(vectors, (j) => `      c${4 * g + r}_${j} += ${terms(j, (k) => `s${k}[${r}]`)};`)) +
      "\n    }")
    : times(rows, (i) =>
      `    {\n      let s = ${share(i)};\n` +
      times(vectors, (j) => `      c${i}_${j} += ${terms(j, (k) => `s[${k}]`)};`) + "\n    }");
  const each = (line: (i: number, j: number) => string): string =>
    times(rows, (i) => times(vectors, (j) => line(i, j)));
  return `${matmulHeader(access)}
@compute @workgroup_size(${lanes})
fn main(@builtin(local_invocation_id) local: vec3u, @builtin(workgroup_id) group: vec3u) {
  let row = group.x * ${rows}u;
  let column = group.y * ${vectors * width}u + local.x * 4u;
  let k_first = p.k_first + group.z * p.k_block;
  let k_last = min(k_first + p.k_block, p.k_last);
  let c_first = group.z * p.c_block;
${prepareA}
${prepareB}
${each((i, j) => `  var c${i}_${j} = vec4f();`)}
  for (var k = k_first; k < k_last; k += 4u) {
${loadA}
${loadB}
${multiply}
  }
${times(vectors, (j) => `  let last${j} = min(${columns(j)}, (p.n - 1u) / 4u * 4u);`)}
  if (p.accumulate != 0u) {
${each((i, j) => `    c${i}_${j} += load_c4(c_first + min(row + ${i}u, p.m - 1u) * p.ldc + last${j}, last${j});`)}
  }
  if (p.add_bias != 0u) {
${times(vectors, (j) => `    let bias${j} = load_bias4(last${j});`)}
${each((i, j) => `    c${i}_${j} += bias${j};`)}
  }
${
    times(rows, (i) =>
      `  if (row + ${i}u < p.m) {\n` +
      times(
        vectors,
        (j) => `    store_c4(c_first + (row + ${i}u) * p.ldc + ${columns(j)}, ${columns(j)}, c${i}_${j});`,
      ) +
      "\n  }")
  }
}
`;
}
