/** Attention of one new token per row over a KV cache. @module */
import { each, vectorSource, vectorWidth } from "./attention_text.ts";
import { type Commands, grid } from "./device/commands.ts";
import type { DeviceFamily, Slice } from "./device/device.ts";
import { defineKernel } from "./device/kernel.ts";

/** Vectors that the lanes combine at a time through workgroup memory: 8 KiB for 64 lanes. */
const CHUNK = 8;

const kernels = new Map<string, ReturnType<typeof decodeKernel>>();

interface DecodeShape {
  /** Combine lanes by subgroup operations (workgroup = one subgroup), or through workgroup memory. */
  subgroup: boolean;
  lanes: number;
  headDim: number;
}

/**
 * The kernel for one head size, generated as attention_text.ts explains. A workgroup takes one head of one row; each
 * lane takes every LANES-th key with an online softmax of its own, and at the end the lanes' sums are combined.
 * Overwrites out.
 */
function decodeSource({ subgroup, lanes, headDim }: DecodeShape): string {
  const vectors = headDim / vectorWidth(headDim);
  const combine = subgroup
    ? `
  let top_all = subgroupMax(top);
  let scale = exp(top - top_all);
  let sum_all = subgroupAdd(sum * scale);
  ${each(vectors, (d) => `let total${d} = subgroupAdd(out${d} * scale);`)}
  if (lane == 0) {
    ${each(vectors, (d) => `out[index * N + ${d}u] = total${d} / sum_all;`)}
  }`
    : `
  tops[lane] = top;
  sums[lane] = sum;
  workgroupBarrier();
  var top_all = top;
  for (var i = 0u; i < LANES; i++) {
    top_all = max(top_all, tops[i]);
  }
  let scale = exp(top - top_all);
  var sum_all = 0.0;
  for (var i = 0u; i < LANES; i++) {
    sum_all += sums[i] * exp(tops[i] - top_all);
  }
  ${
      each(Math.ceil(vectors / CHUNK), (c) => {
        const count = Math.min(CHUNK, vectors - c * CHUNK);
        return `
  workgroupBarrier();
  ${each(count, (d) => `partial[lane * ${CHUNK}u + ${d}u] = out${c * CHUNK + d} * scale;`)}
  workgroupBarrier();
  for (var d = lane; d < ${count}u; d += LANES) {
    var total = Vector(0.0);
    for (var i = 0u; i < LANES; i++) {
      total += partial[i * ${CHUNK}u + d];
    }
    out[index * N + ${c * CHUNK}u + d] = total / sum_all;
  }`;
      })
    }`;
  return `${vectorSource(headDim)}
const N = ${vectors}u;
const LANES = ${lanes}u;

struct Params {
  rows: u32,
  heads: u32,
  kv_heads: u32,
  max_length: u32,
  window: u32,
}

@group(0) @binding(0) var<storage, read_write> out: array<Vector>; // [rows, heads, N]
@group(0) @binding(1) var<storage, read> qkv: array<Vector>; // [rows, heads + 2 kv_heads, N]
@group(0) @binding(2) var<storage, read> k_cache: array<Vector>; // [slots, max_length, kv_heads, N]
@group(0) @binding(3) var<storage, read> v_cache: array<Vector>; // as k_cache
@group(0) @binding(4) var<storage, read> slot: array<u32>; // [rows]
@group(0) @binding(5) var<storage, read> position: array<u32>; // [rows]
@group(0) @binding(6) var<uniform> p: Params;
${
    subgroup ? "" : `
var<workgroup> tops: array<f32, LANES>;
var<workgroup> sums: array<f32, LANES>;
var<workgroup> partial: array<Vector, ${lanes * CHUNK}>;`
  }
@compute @workgroup_size(LANES)
fn main(
  @builtin(local_invocation_id) local: vec3u,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let lane = local.x;
  let index = group.x + group.y * groups.x;
  if (index >= p.rows * p.heads) {
    return;
  }
  let row = index / p.heads;
  let head = index % p.heads;
  let q_row = (row * (p.heads + 2 * p.kv_heads) + head) * N;
  ${each(vectors, (d) => `let q${d} = qkv[q_row + ${d}u] * ${1 / Math.sqrt(headDim)};`)}
  let end = position[row] + 1;
  let begin = select(0u, end - min(p.window, end), p.window > 0);
  let cache_row = slot[row] * p.max_length * p.kv_heads + head / (p.heads / p.kv_heads);
  var top = -1.0e30;
  var sum = 0.0;
  ${each(vectors, (d) => `var out${d} = Vector(0.0);`)}
  for (var key = begin + lane; key < end; key += LANES) {
    let at = (cache_row + key * p.kv_heads) * N;
    let score = ${each(vectors, (d) => `product(q${d}, k_cache[at + ${d}u])`, " + ")};
    let new_top = max(top, score);
    let shrink = exp(top - new_top);
    let weight = exp(score - new_top);
    top = new_top;
    sum = sum * shrink + weight;
    ${each(vectors, (d) => `out${d} = out${d} * shrink + v_cache[at + ${d}u] * weight;`)}
  }
  ${combine}
}
`;
}

function decodeKernel(shape: DecodeShape) {
  return defineKernel({
    name: "attention_decode",
    code: decodeSource(shape),
    bindings: {
      out: "readWrite",
      qkv: "read",
      k_cache: "read",
      v_cache: "read",
      slot: "read",
      position: "read",
    },
    uniforms: { rows: "u32", heads: "u32", kv_heads: "u32", max_length: "u32", window: "u32" },
    requires: shape.subgroup ? ["subgroups"] : [],
  });
}

/** Buffers and sizes of {@linkcode attentionDecode}. */
export interface AttentionDecode {
  /** Output, overwritten: f32 [rows, heads, headDim]. */
  out: Slice;
  /** f32 [rows, heads + 2·kvHeads, headDim]; only q is read. */
  qkv: Slice;
  /** f32 [slots, maxLength, kvHeads·headDim]; holds the current token's k already. */
  kCache: Slice;
  /** As kCache, of v. */
  vCache: Slice;
  /** u32 [rows]: the row of the cache that each row belongs to. */
  slot: Slice;
  /** u32 [rows]: position of each row's current token; it sees the keys 0 … position. */
  position: Slice;
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
  const { out, qkv, kCache, vCache, slot, position, rows, heads, kvHeads, headDim, maxLength, window } = options;
  const { device } = commands;
  const subgroup = (options.family ?? device.family) === "cpu" && device.subgroupSize > 0;
  const lanes = subgroup ? device.subgroupSize : 64;
  const key = `${subgroup} ${lanes} ${headDim}`;
  let kernel = kernels.get(key);
  if (!kernel) kernels.set(key, kernel = decodeKernel({ subgroup, lanes, headDim }));
  commands.dispatch(kernel, {
    buffers: { out, qkv, k_cache: kCache, v_cache: vCache, slot, position },
    uniforms: { rows, heads, kv_heads: kvHeads, max_length: maxLength, window },
    workgroups: grid(device, rows * heads),
  });
}
