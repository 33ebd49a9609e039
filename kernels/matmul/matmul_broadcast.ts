/**
 * The WGSL of the CPU family's matmul: a workgroup is one subgroup and owns a tile of `rows` by 4·lanes·`vectors` of c.
 *
 * Loads are the main cost on a software rasterizer. So each lane keeps 4·vectors columns of b, the lanes load the part
 * of a for a step together, and subgroupBroadcast gives it to all of them. Everything is unrolled into named values,
 * and each accumulator gets its four products in one expression, which keeps it in a register.
 *
 * A wide b gives eight values a load. For NN a lane's vec4s of columns then lie in pairs side by side; for NT the
 * loop does two steps of 4 k at once and adds both to an accumulator in one expression. Of a quantized b all lanes load
 * codes together for NN where they come from an image (matmul_dealt.ts), and for NT a lane loads those of a span of k at
 * once (matmul_span.ts).
 *
 * c[i, j] = Σ over steps of 4 k, in order, of ((a0·b0 + a1·b1) + a2·b2) + a3·b3, whatever the tile, so that a row of c
 * does not depend on m. A turned text takes rows and columns of c the other way round, with the same sums: it is the
 * faster of the two wherever c has rows enough (decision 0085). A placed text multiplies each sum by `scale`. Overwrites
 * c, or adds to it if `accumulate` is 1; then adds bias if `add_bias` is 1.
 *
 * @module
 */
import { unroll } from "../unroll.ts";
import { dealCodes } from "./matmul_dealt.ts";
import { spanText, stepOf } from "./matmul_span.ts";
import { dealsCodes, type MatmulAccess, matmulHeader } from "./matmul_text.ts";

/** A tile of the CPU family. */
export interface BroadcastTile {
  /** Rows of c that a workgroup owns; a multiple of 4 for TN. */
  rows: number;
  /** vec4s of columns of c that a lane owns; an even number for NN with a wide b. */
  vectors: number;
  /** Lanes of a workgroup, which is one subgroup. */
  lanes: number;
  /** Whether the device has subgroups; without them every lane loads all of a's part. */
  subgroups: boolean;
}

const FOUR = [0, 1, 2, 3];

/** The WGSL of one tile and access. */
export function broadcastText(access: MatmulAccess, { rows, vectors, lanes, subgroups }: BroadcastTile): string {
  const { mode, turned, ragged, bType, bWide, bSpan, placed } = access;
  const acrossA = mode === "TN" || mode === "TT";
  const alongB = mode === "NT" || mode === "TT";
  const pairs = bWide && mode === "NN";
  const span = bSpan > 0 ? spanText(bType, bSpan) : undefined;
  const oneStep = bSpan > 0 && stepOf(bSpan, rows) === bSpan;
  const steps = oneStep ? bSpan / 4 : bWide && mode === "NT" ? 2 : 1;
  // A step needs these vec4s of a: for NN and NT of each row, along k; for TN and TT rows / 4 of each of four k, along m.
  const parts = acrossA ? rows : rows * steps;
  const loads = subgroups ? Math.ceil(parts / lanes) : parts;
  const width = 4 * lanes;
  const columns = (j: number): string => `column + ${pairs ? (j >> 1) * 2 * width + j % 2 * 4 : j * width}u`;
  const part = (h: number): string => subgroups ? `(${h * lanes}u + local.x) % ${parts}u` : `${h}u`;
  const prepareA = unroll(loads, (h) =>
    acrossA
      ? `  let a_k${h} = (${part(h)}) / ${rows / 4}u;
  let a_at${h} = min(row + (${part(h)}) % ${rows / 4}u * 4u, (p.m - 1u) / 4u * 4u);`
      : `  let a_k${h} = (${part(h)}) / ${rows}u * 4u;
  let a_at${h} = min(row + (${part(h)}) % ${rows}u, p.m - 1u) * p.lda;`);
  const inside = (k: string): string => `${k} < k_last`;
  // The first k of the first step is always inside.
  const past = (s: number): string => FOUR.map((q) => s + q === 0 ? "false" : `k + ${4 * s + q}u >= k_last`).join(", ");
  const masked = (s: number, value: string): string =>
    ragged ? `select(${value}, vec4f(), vec4<bool>(${past(s)}))` : value;
  const acrossK = (k: string, load: (k: string) => string, zero = "vec4f()"): string =>
    ragged ? `select(${zero}, ${load(`min(${k}, k_last - 1u)`)}, ${inside(k)})` : load(k);
  const alongA = (h: number): string => {
    if (!ragged) return `load_a4(a_at${h} + k + a_k${h})`;
    const isPast = FOUR.map((q) => `k + a_k${h} + ${q}u >= k_last`).join(", ");
    return `select(load_a4(a_at${h} + min(k + a_k${h}, (k_last - 1u) / 4u * 4u)), vec4f(), vec4<bool>(${isPast}))`;
  };
  const loadA = unroll(loads, (h) => {
    const value = acrossA ? acrossK(`k + a_k${h}`, (k) => `load_a4((${k}) * p.lda + a_at${h})`) : alongA(h);
    return `    let a${h} = ${value};`;
  });
  const prepareB = alongB
    ? unroll(vectors, (j) => unroll(4, (q) => `  let b_at${j}_${q} = min(${columns(j)} + ${q}u, p.n - 1u) * ldb;`))
    : pairs
    ? unroll(vectors / 2, (j) => `  let b_at${j} = min(${columns(2 * j)}, (p.n - 1u) / 8u * 8u);`)
    : unroll(vectors, (j) => `  let b_at${j} = min(${columns(j)}, (p.n - 1u) / 4u * 4u);`);
  const transposed = (s: number, j: number, load: (q: number) => string): string =>
    unroll(4, (q) => `    let t${s}_${j}_${q} = ${masked(s, load(q))};`) + "\n" +
    unroll(4, (q) => `    let b${s}_${j}_${q} = vec4f(${FOUR.map((r) => `t${s}_${j}_${r}[${q}]`).join(", ")});`);
  const loadSpan = (from: string): string =>
    span ? unroll(vectors, (j) => unroll(4, (q) => span.load(`${j}_${q}`, from))) : "";
  const kept = (k: string): string => ragged ? `min(${k}, k_last - 1u)` : `(${k})`;
  const dealt = dealsCodes(access) ? dealCodes(access, { pairs: vectors / 2, lanes, kept }) : undefined;
  const eight = (j: number, q: number): string =>
    acrossK(`k + ${q}u`, (k) => dealt?.eight(j, q) ?? `load_b8((${k}) * ldb + b_at${j})`, "Eight()");
  const loadB = mode === "NT" && bWide
    ? unroll(
      vectors,
      (j) =>
        unroll(4, (q) =>
          unroll(steps / 2, (e) => {
            const eight = span?.eight(`${j}_${q}`, oneStep ? e : undefined) ?? `load_b8(b_at${j}_${q} + k)`;
            return `    let w${j}_${q}_${e} = ${eight};`;
          })) +
        "\n" +
        unroll(steps, (s) => transposed(s, j, (q) => `${["low", "high"][s % 2]}(w${j}_${q}_${s >> 1})`)),
    )
    : alongB
    ? unroll(vectors, (j) => transposed(0, j, (q) => `load_b4(b_at${j}_${q} + k)`))
    : pairs
    ? unroll(
      vectors / 2,
      (j) =>
        unroll(4, (q) =>
          `    let w${j}_${q} = ${eight(j, q)};
    let b0_${2 * j}_${q} = low(w${j}_${q});
    let b0_${2 * j + 1}_${q} = high(w${j}_${q});`),
    )
    : unroll(
      vectors,
      (j) =>
        unroll(
          4,
          (q) => `    let b0_${j}_${q} = ${acrossK(`k + ${q}u`, (k) => `load_b4((${k}) * ldb + b_at${j})`)};`,
        ),
    );
  const share = (index: number): string =>
    subgroups ? `subgroupBroadcast(a${Math.floor(index / lanes)}, ${index % lanes}u)` : `a${index}`;
  const terms = (s: number, j: number, a: (k: number) => string): string =>
    FOUR.map((k) => `${a(k)} * b${s}_${j}_${k}`).join(" + ");
  const added = (i: number, j: number): string => {
    let sum = `c${i}_${j}`;
    for (let s = 0; s < steps; s++) sum = `(${sum} + (${terms(s, j, (k) => `s${s}[${k}]`)}))`;
    return sum;
  };
  const multiply = acrossA
    ? unroll(rows / 4, (g) =>
      `    {\n` + unroll(4, (q) => `      let s${q} = ${share(q * rows / 4 + g)};`) + "\n" +
      unroll(4, (r) => unroll(vectors, (j) => `      c${4 * g + r}_${j} += ${terms(0, j, (k) => `s${k}[${r}]`)};`)) +
      "\n    }")
    : dealt
    // A vec4 after the other, so that its b stays in registers.
    ? unroll(
      vectors,
      (j) => unroll(rows, (i) => `    {\n      let s0 = ${share(i)};\n      c${i}_${j} = ${added(i, j)};\n    }`),
    )
    : unroll(rows, (i) =>
      `    {\n` + unroll(steps, (s) => `      let s${s} = ${share(s * rows + i)};`) + "\n" +
      unroll(vectors, (j) => `      c${i}_${j} = ${added(i, j)};`) + "\n    }");
  const all = (line: (i: number, j: number) => string): string =>
    unroll(rows, (i) => unroll(vectors, (j) => line(i, j)));
  const loop = `  for (var k = k_first; k < k_last; k += ${4 * steps}u) {`;
  const opened = !span
    ? loop
    : oneStep
    ? `${loop}\n${loadSpan("k")}`
    : `  for (var first = k_first; first < k_last; first += ${bSpan}u) {
${loadSpan("first")}
    let next = min(first + ${bSpan}u, k_last);
    for (var k = first; k < next; k += 8u) {`;
  return `${matmulHeader(access)}
@compute @workgroup_size(${lanes})
fn main(
  @builtin(local_invocation_id) local: vec3u,
  @builtin(workgroup_id) group: vec3u,${dealt ? "\n  @builtin(subgroup_invocation_id) lane: u32," : ""}
) {
  let row = group.x * ${rows}u;
  let column = group.y * ${vectors * width}u + local.x * ${pairs ? 8 : 4}u;
  let k_first = p.k_first + group.z * p.k_block;
  let k_last = min(k_first + p.k_block, p.k_last);
  let c_first = p.c_first + group.z * p.c_block;
  let ldb = p.ldb;
${prepareA}
${prepareB}
${dealt?.prepare ?? ""}
${all((i, j) => `  var c${i}_${j} = vec4f();`)}
${access.levels === "shuffle" ? "  keep_levels(local.x);" : ""}
${opened}
${loadA}
${span && !oneStep ? span.prepare + "\n" : ""}${dealt ? dealt.load + "\n" : ""}${loadB}
${multiply}
  }${span && !oneStep ? "\n  }" : ""}
${placed ? all((i, j) => `  c${i}_${j} *= p.scale;`) : ""}
${turned ? turnedEnd({ rows, vectors, columns }) : end({ rows, vectors, columns })}
}
`;
}

/** What the statements that write c go by. */
interface End {
  rows: number;
  vectors: number;
  /** The column of a lane's vec4 `j`. */
  columns: (j: number) => string;
}

/** Rows of c that are written at a time, at least. */
const WRITTEN_ROWS = 8;

/**
 * Statements that add what is to be added, and write c. They are a loop over some rows at a time, whose accumulators are
 * picked: all rows unrolled would take most of the time to compile a text.
 */
function end({ rows, vectors, columns }: End): string {
  const step = writtenRows(rows);
  const each = (line: (i: number, j: number) => string): string =>
    unroll(step, (i) => unroll(vectors, (j) => line(i, j)));
  return `${unroll(vectors, (j) => `  let last${j} = min(${columns(j)}, (p.n - 1u) / 4u * 4u);`)}
  for (var part = 0u; part < ${rows / step}u && row + part * ${step}u < p.m; part++) {
    let first = row + part * ${step}u;
${each((i, j) => `    var v${i}_${j} = ${picked(rows / step, (b) => `c${b * step + i}_${j}`)};`)}
    if (p.accumulate != 0u) {
${each((i, j) => `      v${i}_${j} += load_c4(c_first + min(first + ${i}u, p.m - 1u) * p.ldc + last${j}, last${j});`)}
    }
    if (p.add_bias != 0u) {
${unroll(vectors, (j) => `      let bias${j} = load_bias4(last${j});`)}
${each((i, j) => `      v${i}_${j} += bias${j};`)}
    }
${
    unroll(step, (i) =>
      `    if (first + ${i}u < p.m) {\n` +
      unroll(
        vectors,
        (j) => `      store_c4(c_first + (first + ${i}u) * p.ldc + ${columns(j)}, ${columns(j)}, v${i}_${j});`,
      ) +
      "\n    }")
  }
  }`;
}

/** As {@linkcode end} for a turned text: four rows of the tile are neighbours in c. */
function turnedEnd({ rows, vectors, columns }: End): string {
  const four = (g: number, j: number, q: number): string =>
    `vec4f(${FOUR.map((r) => `c${4 * g + r}_${j}[${q}]`).join(", ")})`;
  return `  for (var part = 0u; part < ${rows / 4}u && row + part * 4u < p.m; part++) {
    let first = row + part * 4u;
${
    unroll(vectors, (j) =>
      unroll(4, (q) =>
        `    if (${columns(j)} + ${q}u < p.n) {
      let at = c_first + (${columns(j)} + ${q}u) * p.ldc + first;
      var v = ${picked(rows / 4, (g) => four(g, j, q))};
      if (p.accumulate != 0u) {
        v += load_c4(at, first);
      }
      if (p.add_bias != 0u) {
        v += load_bias4(first);
      }
      store_c4(at, first, v);
    }`))
  }
  }`;
}

/** The value of a part, of which there are `count`. */
function picked(count: number, value: (part: number) => string): string {
  let text = value(count - 1);
  for (let part = count - 2; part >= 0; part--) text = `select(${text}, ${value(part)}, part == ${part}u)`;
  return text;
}

/** The rows that are written at a time of a tile of so many: a whole number of times makes the tile. */
function writtenRows(rows: number): number {
  let step = Math.min(rows, WRITTEN_ROWS);
  while (rows % step > 0) step++;
  return step;
}
