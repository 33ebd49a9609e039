/** Attention of one new token per row over a KV cache. @module */
import { type Commands, grid } from "../device/commands.ts";
import type { DeviceFamily, Slice } from "../device/device.ts";
import { INVOCATION } from "../device/invocation.ts";
import { defineKernel } from "../device/kernel.ts";
import { unroll } from "../unroll.ts";
import { VECTOR_PARTS } from "../vector.ts";
import { vectorWidth } from "./attention_text.ts";

/** Vectors that the lanes combine at a time through workgroup memory: 8 KiB for 64 lanes. */
const CHUNK = 8;

/**
 * Elements of the query heads that a workgroup takes at a time: they share the loads of their keys, which are the cost on
 * a CPU, but each needs registers for its q and its sums, which are scarce on a GPU.
 */
const GROUP_ELEMENTS: Readonly<Record<DeviceFamily, number>> = { cpu: 256, gpu: 64 };

const kernels = new Map<string, ReturnType<typeof decodeKernel>>();

interface DecodeShape {
  /** Combine lanes by subgroup operations (workgroup = one subgroup), or through workgroup memory. */
  subgroup: boolean;
  lanes: number;
  headDim: number;
  /** Query heads of a workgroup; they share one head of k and v. */
  group: number;
  /** The current token's q and k are to be turned, and its k and v to be stored. */
  fresh: boolean;
}

/** Vectors that lie end to end in a buffer: their names, and where the first one is. */
interface DotRun {
  names: readonly string[];
  at: string;
}

/** WGSL that gives all lanes the vectors of some runs of one buffer; on a CPU each lane loads its share of them. */
function loadRuns(buffer: string, { subgroup, lanes, runs }: Pick<DecodeShape, "subgroup" | "lanes"> & {
  runs: readonly DotRun[];
}): string {
  if (!subgroup) {
    return runs.map(({ names, at }) => names.map((name, i) => `let ${name} = ${buffer}[${at} + ${i}u];`).join("\n"))
      .join("\n");
  }
  const names = runs.flatMap((run) => run.names);
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

/** WGSL that stores vectors end to end; on a CPU each lane stores its share of them. */
function storeRun(buffer: string, { subgroup, lanes, run: { names, at } }: Pick<DecodeShape, "subgroup" | "lanes"> & {
  run: DotRun;
}): string {
  if (!subgroup) {
    return `if (lane == 0) {\n${names.map((name, i) => `${buffer}[${at} + ${i}u] = ${name};`).join("\n")}\n}`;
  }
  return unroll(Math.ceil(names.length / lanes), (r) => {
    const share = names.slice(r * lanes, (r + 1) * lanes);
    const picked = share.reduce((text, name, i) => i === 0 ? name : `select(${text}, ${name}, lane == ${i}u)`, "");
    return `if (lane < ${share.length}u) {\n${buffer}[${at} + ${r * lanes}u + lane] = ${picked};\n}`;
  });
}

/** WGSL that combines the lanes' sums of query head `g`: in a subgroup to `total…`, else into the output. */
function combineText(g: number, { subgroup, vectors }: Pick<DecodeShape, "subgroup"> & {
  vectors: number;
}): string {
  if (subgroup) {
    return `
  let scale${g} = exp(top${g} - subgroupMax(top${g}));
  let sum_all${g} = subgroupAdd(sum${g} * scale${g});
  ${unroll(vectors, (d) => `let total${g}_${d} = subgroupAdd(out${g}_${d} * scale${g}) / sum_all${g};`)}`;
  }
  // A lane passes the first barrier below when it has read tops and sums for the head before.
  return `
  {
    tops[lane] = top${g};
    sums[lane] = sum${g};
    workgroupBarrier();
    var top_all = top${g};
    for (var i = 0u; i < LANES; i++) {
      top_all = max(top_all, tops[i]);
    }
    let scale = exp(top${g} - top_all);
    var sum_all = 0.0;
    for (var i = 0u; i < LANES; i++) {
      sum_all += sums[i] * exp(tops[i] - top_all);
    }
    ${
    unroll(Math.ceil(vectors / CHUNK), (c) => {
      const count = Math.min(CHUNK, vectors - c * CHUNK);
      return `
    workgroupBarrier();
    ${unroll(count, (d) => `partial[lane * ${CHUNK}u + ${d}u] = out${g}_${c * CHUNK + d} * scale;`)}
    workgroupBarrier();
    for (var d = lane; d < ${count}u; d += LANES) {
      var total = V(0.0);
      for (var i = 0u; i < LANES; i++) {
        total += partial[i * ${CHUNK}u + d];
      }
      out[(index * GROUP + ${g}u) * N + ${c * CHUNK}u + d] = total / sum_all;
    }`;
    })
  }
  }`;
}

/**
 * The kernel for one head size, generated as attention_text.ts explains. A workgroup takes a group of query heads of one
 * row that share a head of k and v; each lane takes every LANES-th key with an online softmax of its own, and at the end
 * the lanes' sums are combined. Overwrites out; where `fresh`, k and v at (slot, position) too.
 */
function decodeSource({ subgroup, lanes, headDim, group, fresh }: DecodeShape): string {
  const width = decodeWidth({ headDim, fresh });
  const vectors = headDim / width;
  const half = vectors / 2;
  const scale = 1 / Math.sqrt(headDim);
  const lines = (count: number, line: (g: number, d: number) => string): string =>
    unroll(count, (g) => unroll(vectors, (d) => line(g, d)));
  const turned = (name: string, d: number): string =>
    d < half
      ? `(${name}${d} * cos${d} - ${name}${d + half} * sin${d})`
      : `(${name}${d} * cos${d - half} + ${name}${d - half} * sin${d - half})`;
  // One key, whose vectors are k0, k1, … and v0, v1, …, goes into this lane's sums.
  const take = unroll(group, (g) => `
    {
      let score = ${unroll(vectors, (d) => `product(q${g}_${d}, k${d})`, " + ")};
      let new_top = max(top${g}, score);
      let shrink = exp(top${g} - new_top);
      let weight = exp(score - new_top);
      top${g} = new_top;
      sum${g} = sum${g} * shrink + weight;
      ${unroll(vectors, (d) => `out${g}_${d} = out${g}_${d} * shrink + v${d} * weight;`)}
    }`);
  const names = (prefix: string): string[] => Array.from({ length: vectors }, (_, d) => `${prefix}${d}`);
  const all = (prefix: string): string[] => Array.from({ length: group }, (_, g) => names(`${prefix}${g}_`)).flat();
  const halves = (prefix: string): string[] => names(prefix).slice(0, half);
  const how = { subgroup, lanes };
  const queries: DotRun = { names: all("raw"), at: "q_row" };
  const load = fresh
    ? `
  ${
      loadRuns("qkv", {
        ...how,
        runs: [queries, { names: names("raw_k"), at: "kv_row" }, {
          names: names("new_v"),
          at: "kv_row + p.kv_heads * N",
        }],
      })
    }
  ${loadRuns("table", { ...how, runs: [{ names: [...halves("cos"), ...halves("sin")], at: "place * N" }] })}
  ${lines(group, (g, d) => `let q${g}_${d} = ${turned(`raw${g}_`, d)} * ${scale};`)}
  ${unroll(vectors, (d) => `let new_k${d} = ${turned("raw_k", d)};`)}
  // One workgroup of those that share a head of k and v stores it; none of them reads it from there.
  if (head % per_kv == 0) {
    let at = (cache_row + place * p.kv_heads) * N;
    ${storeRun("k_cache", { ...how, run: { names: names("new_k"), at: "at" } })}
    ${storeRun("v_cache", { ...how, run: { names: names("new_v"), at: "at" } })}
  }`
    : `
  ${loadRuns("qkv", { ...how, runs: [queries] })}
  ${lines(group, (g, d) => `let q${g}_${d} = raw${g}_${d} * ${scale};`)}`;
  return `// before: vector_{scalar|vec4}.wgsl, device/invocation.wgsl

const N = ${vectors}u;
const LANES = ${lanes}u;
const GROUP = ${group}u;

struct Params {
  rows: u32,
  heads: u32,
  kv_heads: u32,
  max_length: u32,
  window: u32,
}

@group(0) @binding(0) var<storage, read_write> out: array<V>; // [rows, heads, N]
@group(0) @binding(1) var<storage, ${
    fresh ? "read_write" : "read"
  }> k_cache: array<V>; // [slots, max_length, kv_heads, N]
@group(0) @binding(2) var<storage, ${fresh ? "read_write" : "read"}> v_cache: array<V>; // as k_cache
@group(0) @binding(3) var<storage, read> qkv: array<V>; // [rows, heads + 2 kv_heads, N]
@group(0) @binding(4) var<storage, read> slot: array<u32>; // [rows]
@group(0) @binding(5) var<storage, read> position: array<u32>; // [rows]
@group(0) @binding(6) var<storage, read> table: array<V>; // [maxPositions, 2, N / 2], read where fresh
@group(0) @binding(7) var<uniform> p: Params;
${
    subgroup ? "" : `
var<workgroup> tops: array<f32, LANES>;
var<workgroup> sums: array<f32, LANES>;
var<workgroup> partial: array<V, ${lanes * CHUNK}>;`
  }
@compute @workgroup_size(LANES)
fn main(id: Invocation) {
  let lane = id.local.x;
  let index = group_index(id.group, id.groups);
  if (index >= p.rows * p.heads / GROUP) {
    return;
  }
  let row = index * GROUP / p.heads;
  let head = index * GROUP % p.heads;
  let per_kv = p.heads / p.kv_heads;
  let kv_head = head / per_kv;
  let place = position[row];
  let q_row = (row * (p.heads + 2 * p.kv_heads) + head) * N;
  let kv_row = (row * (p.heads + 2 * p.kv_heads) + p.heads + kv_head) * N;
  let begin = select(0u, place + 1 - min(p.window, place + 1), p.window > 0);
  let cache_row = slot[row] * p.max_length * p.kv_heads + kv_head;
  ${load}
  ${unroll(group, (g) => `var top${g} = -1.0e30;\nvar sum${g} = 0.0;`)}
  ${lines(group, (g, d) => `var out${g}_${d} = V(0.0);`)}
  for (var key = begin + lane; key < ${fresh ? "place" : "place + 1"}; key += LANES) {
    let at = (cache_row + key * p.kv_heads) * N;
    ${unroll(vectors, (d) => `let k${d} = k_cache[at + ${d}u];`)}
    ${unroll(vectors, (d) => `let v${d} = v_cache[at + ${d}u];`)}
    ${take}
  }
  ${
    fresh
      ? `if ((place - begin) % LANES == lane) {
    ${unroll(vectors, (d) => `let k${d} = new_k${d};\nlet v${d} = new_v${d};`)}
    ${take}
  }`
      : ""
  }
  ${unroll(group, (g) => combineText(g, { subgroup, vectors }))}
  ${subgroup ? storeRun("out", { ...how, run: { names: all("total"), at: "index * GROUP * N" } }) : ""}
}
`;
}

/** Elements of a V: where heads are turned, a V lies in one half of its head. */
function decodeWidth({ headDim, fresh }: Pick<DecodeShape, "headDim" | "fresh">): 1 | 4 {
  return vectorWidth(fresh ? headDim / 2 : headDim);
}

function decodeKernel(shape: DecodeShape) {
  const cache = shape.fresh ? "readWrite" : "read";
  return defineKernel({
    name: "attention_decode",
    code: [
      VECTOR_PARTS[decodeWidth(shape)],
      INVOCATION,
      { name: "kernels/attention/attention_decode.ts (generated)", text: decodeSource(shape) },
    ],
    bindings: {
      out: "readWrite",
      k_cache: cache,
      v_cache: cache,
      qkv: "read",
      slot: "read",
      position: "read",
      table: "read",
    },
    uniforms: { rows: "u32", heads: "u32", kv_heads: "u32", max_length: "u32", window: "u32" },
    requires: shape.subgroup ? ["subgroups"] : [],
  });
}

/** Buffers and sizes of {@linkcode attentionDecode}. */
export interface AttentionDecode {
  /** Output, overwritten: f32 [rows, heads, headDim]. */
  out: Slice;
  /** f32 [rows, heads + 2·kvHeads, headDim]; only q is read, and k and v too where there is a `table`. */
  qkv: Slice;
  /** f32 [slots, maxLength, kvHeads·headDim]; without a `table` it holds the current token's k already. */
  kCache: Slice;
  /** As kCache, of v. */
  vCache: Slice;
  /** u32 [rows]: the row of the cache that each row belongs to. */
  slot: Slice;
  /** u32 [rows]: position of each row's current token; it sees the keys 0 … position. */
  position: Slice;
  /**
   * The table of `ropeTable`: then q and k are turned by it, and k and v stored in the cache, in the same dispatch as
   * `rope` and `kvStore` would in their own. No two rows may have the same slot. Without it both have been done.
   */
  table?: Slice;
  rows: number;
  /** A multiple of kvHeads. */
  heads: number;
  kvHeads: number;
  headDim: number;
  maxLength: number;
  /** Keys at this distance of positions, or beyond, are hidden; 0: none is. */
  window: number;
  /** Which kernel to run, in place of the device's own. */
  family?: DeviceFamily;
}

/** Records the attention of one token per row; a row's result is the same, bit for bit, whatever the other rows are. */
export function attentionDecode(commands: Commands, options: AttentionDecode): void {
  const { out, qkv, kCache, vCache, slot, position, table, rows, heads, kvHeads, headDim, maxLength, window } = options;
  const { device } = commands;
  const family = options.family ?? device.family;
  const subgroup = family === "cpu" && device.subgroupSize > 0;
  const lanes = subgroup ? device.subgroupSize : 64;
  const group = groupOf(heads / kvHeads, GROUP_ELEMENTS[family] / headDim);
  const fresh = table !== undefined;
  const key = `${subgroup} ${lanes} ${headDim} ${group} ${fresh}`;
  let kernel = kernels.get(key);
  if (!kernel) kernels.set(key, kernel = decodeKernel({ subgroup, lanes, headDim, group, fresh }));
  commands.dispatch(kernel, {
    buffers: { out, qkv, k_cache: kCache, v_cache: vCache, slot, position, table: table ?? qkv },
    uniforms: { rows, heads, kv_heads: kvHeads, max_length: maxLength, window },
    workgroups: grid(device, rows * heads / group),
  });
}

/** The largest part of `heads` that divides it evenly and is no more than `most`, at least 1. */
function groupOf(heads: number, most: number): number {
  for (let group = Math.min(heads, Math.floor(most)); group > 1; group--) {
    if (heads % group === 0) return group;
  }
  return 1;
}
