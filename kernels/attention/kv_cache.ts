/** Stores keys and values in a KV cache. @module */
import source from "./kv_cache.wgsl" with { type: "text" };
import { type Commands, grid } from "../device/commands.ts";
import { INVOCATION } from "../device/invocation.ts";
import type { Slice } from "../device/slice.ts";
import { byWidth, defineWidths, elementLanes } from "../vector.ts";

const kernels = defineWidths({
  name: "kv_store",
  code: [INVOCATION, { name: "kernels/attention/kv_cache.wgsl", text: source }],
  bindings: { k_cache: "readWrite", v_cache: "readWrite", qkv: "read", slot: "read", position: "read" },
  uniforms: { tokens: "u32", q_vectors: "u32", kv_vectors: "u32", max_length: "u32" },
});

/** Buffers and sizes of {@linkcode kvStore}. */
export interface KvStore {
  /** Overwritten at (slot, position), else left alone: f32 [slots, maxLength, kvHeads·headDim]. */
  kCache: Slice;
  /** As `kCache`, for v. */
  vCache: Slice;
  /** f32 [tokens, heads + 2·kvHeads, headDim], the heads of q, then k, then v. */
  qkv: Slice;
  /** u32 [tokens]: the row of the cache that each token belongs to. */
  slot: Slice;
  /** u32 [tokens], each below maxLength. */
  position: Slice;
  tokens: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  maxLength: number;
}

/** Records a copy of each token's k and v to its place in a layer's cache. */
export function kvStore(
  commands: Commands,
  { kCache, vCache, qkv, slot, position, tokens, heads, kvHeads, headDim, maxLength }: KvStore,
): void {
  const { kernel, width } = byWidth(kernels, headDim);
  const lanes = elementLanes(commands.device);
  const kvVectors = kvHeads * headDim / width;
  commands.dispatch(kernel, {
    buffers: { k_cache: kCache, v_cache: vCache, qkv, slot, position },
    uniforms: { tokens, q_vectors: heads * headDim / width, kv_vectors: kvVectors, max_length: maxLength },
    workgroups: grid(commands.device, Math.ceil(tokens * kvVectors / lanes)),
    constants: { LANES: lanes },
  });
}
