/**
 * The WGSL of a CPU's attention of one new token per row over a KV cache, for one head size. attention_text.ts says why
 * it is generated.
 *
 * A workgroup is a subgroup, and takes a group of query heads of one row that share a head of k and v. Each lane takes every LANES-th key
 * with an online softmax of its own: `top{g}` is the largest score of query head g so far, `sum{g}` the sum of
 * exp(score - top), and `out{g}_{d}` the sum of v weighted by these. At the end the lanes' sums are combined.
 *
 * @module
 */
import { unroll } from "../unroll.ts";
import { LOWEST, vectorWidth, wgslNumber } from "./attention_text.ts";
import { type CacheStorage, entryElements } from "./cache_text.ts";

/** What the text depends on. */
export interface DecodeShape {
  lanes: number;
  headDim: number;
  /** Factor on the scores before the softmax. */
  scale: number;
  /** Query heads of a workgroup; they share one head of k and v. */
  group: number;
  /** Whether the kernel rotates the token's q and k by RoPE's table and stores its k and v in the cache. */
  rotates: boolean;
  /** How the cache stores keys and values. */
  storage: CacheStorage;
  /** Keys of a part, if a row's keys are split among workgroups; only a GPU's kernel can. */
  chunk?: number;
}

/** Vectors that stand one after another in a buffer: their names in WGSL, and the index of the first. */
interface VectorRun {
  names: readonly string[];
  at: string;
}

/** Elements of a V. If the kernel rotates heads, each V lies within one half of its head. */
export function decodeWidth({ headDim, rotates }: Pick<DecodeShape, "headDim" | "rotates">): 1 | 4 {
  return vectorWidth(rotates ? headDim / 2 : headDim);
}

/** Elements of an entry of the cache. */
export function decodeEntry(shape: Pick<DecodeShape, "headDim" | "rotates" | "storage">): number {
  return entryElements(shape.storage, { headDim: shape.headDim, width: decodeWidth(shape) });
}

/** Whether the kernel rounds what it stores, and so may find numbers that are too large. */
export function roundsInto({ rotates, storage }: Pick<DecodeShape, "rotates" | "storage">): boolean {
  return rotates && storage !== "f32";
}

/** The whole text. It overwrites out and, if it rotates, k and v at (slot, position). */
export function decodeText(shape: DecodeShape): string {
  return `${decodeDeclarations(shape)}
@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_id) local: vec3u, id: Workgroup) {
  let lane = local.x;
  ${groupOfRow("q_row")}
  let kv_row = (row * (p.heads + 2 * p.kv_heads) + p.heads + kv_head) * N;
  ${shape.rotates ? rotateAndStore(shape) : loadQueries(shape)}
  ${unroll(shape.group, (g) => `var top${g} = ${LOWEST};\nvar sum${g} = 0.0;`)}
  ${eachVector(shape, (g, d) => `var out${g}_${d} = V(0.0);`)}
  ${attendToCache(shape)}
  ${shape.rotates ? attendToNewKey(shape) : ""}
  ${combine(shape)}
}
`;
}

/**
 * The workgroup's row and query heads: its place, where its keys begin, in the cache too, and as `queries` where its
 * queries do.
 */
export function groupOfRow(queries: string, splits = false): string {
  const own = "group_index(id.group, id.groups)";
  return `${splits ? `let part = ${own} % p.parts;\n  let index = p.first + ${own} / p.parts` : `let index = ${own}`};
  if (index >= p.rows * p.heads / GROUP) {
    return;
  }
  let row = index * GROUP / p.heads;
  let head = index * GROUP % p.heads;
  let per_kv = p.heads / p.kv_heads;
  let kv_head = head / per_kv;
  let place = position[row];
  let ${queries} = (row * (p.heads + 2 * p.kv_heads) + head) * N;
  let begin = select(0u, place + 1 - min(p.window, place + 1), p.window > 0);
  let cache_row = slot[row] * p.max_length * p.kv_heads + kv_head;`;
}

/** Constants and bindings. */
export function decodeDeclarations(shape: DecodeShape): string {
  const { lanes, group, rotates, chunk } = shape;
  const cache = rotates ? "read_write" : "read";
  const last = roundsInto(shape) ? 8 : 7;
  return `// before: vector_{scalar|vec4}.wgsl, device/invocation.wgsl, attention/cache_text.ts (generated)

const N = ${vectorsOf(shape)}u;
const ENTRIES = ${entriesOf(shape)}u; // of a head in the cache
const LANES = ${lanes}u;
const GROUP = ${group}u;

struct Params {
  rows: u32,
  heads: u32,
  kv_heads: u32,
  max_length: u32,
  window: u32,${chunk === undefined ? "" : "\n  first: u32,\n  parts: u32,"}
}

@group(0) @binding(0) var<storage, read_write> out: array<V>; // ${
    chunk === undefined ? "[rows, heads, N]" : "[rows, heads / GROUP, parts, GROUP, PART]"
  }
@group(0) @binding(1) var<storage, ${cache}> k_cache: array<Entry>; // [slots, max_length, kv_heads, ENTRIES]
@group(0) @binding(2) var<storage, ${cache}> v_cache: array<Entry>; // as k_cache
@group(0) @binding(3) var<storage, read> qkv: array<V>; // [rows, heads + 2 kv_heads, N]
@group(0) @binding(4) var<storage, read> slot: array<u32>; // [rows]
@group(0) @binding(5) var<storage, read> position: array<u32>; // [rows]
@group(0) @binding(6) var<storage, read> table: array<V>; // [maxPositions, 2, N / 2] if the kernel rotates
${roundsInto(shape) ? "@group(0) @binding(7) var<storage, read_write> overflow: array<u32>; // [1]" : ""}
@group(0) @binding(${last}) var<uniform> p: Params;
`;
}

/** Gives all lanes the scaled `q{g}_{d}`, from a qkv whose q is rotated already. */
function loadQueries(shape: DecodeShape): string {
  return `${loadRuns(shape, "qkv", [queries(shape)])}
  ${eachVector(shape, (g, d) => `let q${g}_${d} = raw${g}_${d} * ${wgslNumber(shape.scale)};`)}`;
}

/**
 * Gives all lanes the rotated and scaled `q{g}_{d}`, and the entries `key{e}` of the rotated k and `value{e}` of v, which
 * it stores.
 */
function rotateAndStore(shape: DecodeShape): string {
  const vectors = vectorsOf(shape);
  const half = vectors / 2;
  const rotated = (name: string, d: number): string =>
    d < half
      ? `(${name}${d} * cos${d} - ${name}${d + half} * sin${d})`
      : `(${name}${d} * cos${d - half} + ${name}${d - half} * sin${d - half})`;
  const key: VectorRun = { names: named("raw_k", vectors), at: "kv_row" };
  const value: VectorRun = { names: named("raw_v", vectors), at: "kv_row + p.kv_heads * N" };
  const angles: VectorRun = { names: [...named("cos", half), ...named("sin", half)], at: "place * N" };
  return `${loadRuns(shape, "qkv", [queries(shape), key, value])}
  ${loadRuns(shape, "table", [angles])}
  ${eachVector(shape, (g, d) => `let q${g}_${d} = ${rotated(`raw${g}_`, d)} * ${wgslNumber(shape.scale)};`)}
  ${unroll(vectors, (d) => `let turned_k${d} = ${rotated("raw_k", d)};`)}
  ${makeEntries(shape, "key", "turned_k")}
  ${makeEntries(shape, "value", "raw_v")}
  // Of the workgroups that share a head of k and v one stores it; all take it from their registers.
  if (head % per_kv == 0) {
    let at = (cache_row + place * p.kv_heads) * ENTRIES;
    ${storeRun(shape, "k_cache", { names: named("key", entriesOf(shape)), at: "at" })}
    ${storeRun(shape, "v_cache", { names: named("value", entriesOf(shape)), at: "at" })}
    ${roundsInto(shape) ? noteOverflow(shape) : ""}
  }`;
}

/** Gives all lanes the entries `{name}{e}` of the vectors `{from}{d}`. */
function makeEntries(shape: DecodeShape, name: string, from: string): string {
  const per = vectorsOf(shape) / entriesOf(shape);
  const vectors = (e: number): string => named(from, vectorsOf(shape)).slice(e * per, (e + 1) * per).join(", ");
  return unroll(entriesOf(shape), (e) => `let ${name}${e} = entry_of(${vectors(e)});`);
}

/** Gives the vectors `{name}{d}` of the entries `{from}{e}`. */
function readEntries(shape: DecodeShape, name: string, from: (e: number) => string): string {
  const per = vectorsOf(shape) / entriesOf(shape);
  return unroll(entriesOf(shape), (e) => {
    const lines = [`let ${name}_entry${e} = ${from(e)};`];
    for (let i = 0; i < per; i++) {
      lines.push(`let ${name}${e * per + i} = ${i === 0 ? "first" : "second"}(${name}_entry${e});`);
    }
    return lines.join("\n");
  });
}

/** Notes that a number of the stored entries has become infinite. */
function noteOverflow(shape: DecodeShape): string {
  const entries = [...named("key", entriesOf(shape)), ...named("value", entriesOf(shape))];
  return `if (lane == 0 && (${entries.map((name) => `is_infinite(${name})`).join(" || ")})) {
      overflow[0] = 1u;
    }`;
}

/** Takes this lane's keys of the cache into its sums; the token's own key is among them unless the kernel stores it. */
function attendToCache(shape: DecodeShape): string {
  return `for (var key = begin + lane; key < ${shape.rotates ? "place" : "place + 1"}; key += LANES) {
    let at = (cache_row + key * p.kv_heads) * ENTRIES;
    ${readEntries(shape, "k", (e) => `k_cache[at + ${e}u]`)}
    ${readEntries(shape, "v", (e) => `v_cache[at + ${e}u]`)}
    ${attendToKey(shape)}
  }`;
}

/** Takes the token's own key into the sums of the lane whose turn it is. */
function attendToNewKey(shape: DecodeShape): string {
  return `if ((place - begin) % LANES == lane) {
    ${readEntries(shape, "k", (e) => `key${e}`)}
    ${readEntries(shape, "v", (e) => `value${e}`)}
    ${attendToKey(shape)}
  }`;
}

/** Takes one key, whose vectors are `k{d}` and `v{d}`, into the lane's sums of each query head. */
function attendToKey(shape: DecodeShape): string {
  const vectors = vectorsOf(shape);
  return unroll(shape.group, (g) => `
    {
      let score = ${unroll(vectors, (d) => `product(q${g}_${d}, k${d})`, " + ")};
      let new_top = max(top${g}, score);
      let shrink = exp(top${g} - new_top);
      let weight = exp(score - new_top);
      top${g} = new_top;
      sum${g} = sum${g} * shrink + weight;
      ${unroll(vectors, (d) => `out${g}_${d} = out${g}_${d} * shrink + v${d} * weight;`)}
    }`);
}

/** Combines the lanes' sums by subgroup operations, and stores the output. */
function combine(shape: DecodeShape): string {
  const vectors = vectorsOf(shape);
  const combined = unroll(shape.group, (g) => `
  let scale${g} = exp(top${g} - subgroupMax(top${g}));
  let sum_all${g} = subgroupAdd(sum${g} * scale${g});
  ${unroll(vectors, (d) => `let total${g}_${d} = subgroupAdd(out${g}_${d} * scale${g}) / sum_all${g};`)}`);
  return `${combined}
  ${storeRun(shape, "out", { names: allNamed("total", shape), at: "index * GROUP * N" })}`;
}

/** Gives all lanes the vectors of some runs of one buffer: each lane loads a share and broadcasts it. */
function loadRuns({ lanes }: DecodeShape, buffer: string, runs: readonly VectorRun[]): string {
  const names = runs.flatMap((run) => run.names);
  // The index of vector e, counted through the runs.
  let first = 0;
  const address = runs.reduce((before, run, i) => {
    const at = `${run.at} + e - ${first}u`;
    const text = i === 0 ? at : `select(${before}, ${at}, e >= ${first}u)`;
    first += run.names.length;
    return text;
  }, "");
  const loads = unroll(Math.ceil(names.length / lanes), (r) => `
  var ${buffer}_${r}: V;
  {
    let e = min(lane + ${r * lanes}u, ${names.length - 1}u);
    ${buffer}_${r} = ${buffer}[${address}];
  }`);
  const shares = names.map((name, i) =>
    `let ${name} = subgroupBroadcast(${buffer}_${Math.floor(i / lanes)}, ${i % lanes}u);`
  );
  return `${loads}\n${shares.join("\n")}`;
}

/** Stores a run of vectors that all lanes have: each lane stores a share. */
function storeRun({ lanes }: DecodeShape, buffer: string, { names, at }: VectorRun): string {
  return unroll(Math.ceil(names.length / lanes), (r) => {
    const share = names.slice(r * lanes, (r + 1) * lanes);
    const picked = share.reduce((text, name, i) => i === 0 ? name : `select(${text}, ${name}, lane == ${i}u)`, "");
    return `if (lane < ${share.length}u) {\n${buffer}[${at} + ${r * lanes}u + lane] = ${picked};\n}`;
  });
}

/** The group's query heads as they stand in qkv: `raw{g}_{d}`. */
function queries(shape: DecodeShape): VectorRun {
  return { names: allNamed("raw", shape), at: "q_row" };
}

function named(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, d) => `${prefix}${d}`);
}

/** The names `{prefix}{g}_{d}` of all vectors d of all query heads g. */
function allNamed(prefix: string, shape: DecodeShape): string[] {
  return Array.from({ length: shape.group }, (_, g) => named(`${prefix}${g}_`, vectorsOf(shape))).flat();
}

/** A line for each vector d of each query head g. */
function eachVector(shape: DecodeShape, line: (g: number, d: number) => string): string {
  return unroll(shape.group, (g) => unroll(vectorsOf(shape), (d) => line(g, d)));
}

/** Vectors of a head. */
function vectorsOf(shape: DecodeShape): number {
  return shape.headDim / decodeWidth(shape);
}

/** Entries of a head in the cache. */
function entriesOf(shape: DecodeShape): number {
  return shape.headDim / decodeEntry(shape);
}
