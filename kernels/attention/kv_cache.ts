/** Stores keys and values in a KV cache. @module */
import source from "./kv_cache.wgsl" with { type: "text" };
import roundedSource from "./kv_cache_rounded.wgsl" with { type: "text" };
import { type Commands, grid } from "../device/commands.ts";
import { INVOCATION } from "../device/invocation.ts";
import { defineKernel } from "../device/kernel.ts";
import type { Slice } from "../device/slice.ts";
import { byWidth, defineWidths, elementLanes, VECTOR_PARTS } from "../vector.ts";
import { entryPart, type RoundedCache, type RoundedStorage } from "./cache_text.ts";

const kernels = defineWidths({
  name: "kv_store",
  code: [INVOCATION, { name: "kernels/attention/kv_cache.wgsl", text: source }],
  bindings: { k_cache: "readWrite", v_cache: "readWrite", qkv: "read", slot: "read", position: "read" },
  uniforms: { tokens: "u32", q_vectors: "u32", kv_vectors: "u32", max_length: "u32" },
});

const roundedKernels = { bf16: roundedKernel("bf16"), f16: roundedKernel("f16") };

function roundedKernel(storage: RoundedStorage) {
  return defineKernel({
    name: `kv_store ${storage}`,
    code: [
      VECTOR_PARTS[1],
      INVOCATION,
      entryPart(storage, 2),
      { name: "kernels/attention/kv_cache_rounded.wgsl", text: roundedSource },
    ],
    bindings: {
      k_cache: "readWrite",
      v_cache: "readWrite",
      overflow: "readWrite",
      qkv: "readWrite",
      slot: "read",
      position: "read",
    },
    uniforms: { tokens: "u32", q_words: "u32", kv_words: "u32", max_length: "u32" },
  });
}

/** Buffers and sizes of {@linkcode kvStore}. */
export interface KvStore {
  /** Overwritten at (slot, position), else left alone: [slots, maxLength, kvHeads·headDim], f32 or as `rounded` says. */
  kCache: Slice;
  /** As `kCache`, for v. */
  vCache: Slice;
  /** f32 [tokens, heads + 2·kvHeads, headDim], the heads of q, then k, then v; k and v are rounded in place if `rounded`. */
  qkv: Slice;
  /** u32 [tokens]: the row of the cache that each token belongs to. */
  slot: Slice;
  /** u32 [tokens], each below maxLength. */
  position: Slice;
  /** For a cache of rounded keys and values; null if it has them in full. */
  rounded: RoundedCache | null;
  tokens: number;
  heads: number;
  kvHeads: number;
  /** Even, if `rounded`. */
  headDim: number;
  maxLength: number;
}

/** Records a copy of each token's k and v to its place in a layer's cache. */
export function kvStore(
  commands: Commands,
  { kCache, vCache, qkv, slot, position, rounded, tokens, heads, kvHeads, headDim, maxLength }: KvStore,
): void {
  const lanes = elementLanes(commands.device);
  const buffers = { k_cache: kCache, v_cache: vCache, qkv, slot, position };
  const groups = (lanesInAll: number) => grid(commands.device, Math.ceil(lanesInAll / lanes));
  if (rounded === null) {
    const { kernel, width } = byWidth(kernels, headDim);
    const kvVectors = kvHeads * headDim / width;
    commands.dispatch(kernel, {
      buffers,
      uniforms: { tokens, q_vectors: heads * headDim / width, kv_vectors: kvVectors, max_length: maxLength },
      workgroups: groups(tokens * kvVectors),
      constants: { LANES: lanes },
    });
    return;
  }
  const kvWords = kvHeads * headDim / 2;
  commands.dispatch(roundedKernels[rounded.storage], {
    buffers: { ...buffers, overflow: rounded.overflow },
    uniforms: { tokens, q_words: heads * headDim / 2, kv_words: kvWords, max_length: maxLength },
    workgroups: groups(tokens * kvWords),
    constants: { LANES: lanes },
  });
}
