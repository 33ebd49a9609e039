/** Attention of one new token per row over a KV cache. @module */
import { type Commands, grid } from "../device/commands.ts";
import { INVOCATION } from "../device/invocation.ts";
import { type Access, defineKernel } from "../device/kernel.ts";
import type { Slice } from "../device/slice.ts";
import { VECTOR_PARTS } from "../vector.ts";
import { decodeEntry, type DecodeShape, decodeText, decodeWidth, roundsInto } from "./attention_decode_text.ts";
import { cutRows } from "../window.ts";
import { defaultScale } from "./attention_text.ts";
import { blockedDecodeText, DECODE_LANES, decodeHeads } from "./blocked_decode_text.ts";
import { entryPart, type RoundedCache } from "./cache_text.ts";
import { combineParts, partsScratch, rowsOfParts } from "./decode_parts.ts";

/**
 * Elements of the query heads that a CPU's workgroup takes at a time. Its heads share the loads of their keys, which are
 * the main cost; but each needs registers for its q and its sums.
 */
const GROUP_ELEMENTS = 256;

/**
 * Keys of a part where a GPU splits a row's keys among workgroups, so that a few rows with long caches keep it busy. Parts
 * are cut at the same keys whatever the rows and the cache are: a row's sums do not depend on them.
 */
const CHUNK = 512;

const kernels = new Map<string, ReturnType<typeof decodeKernel>>();

function decodeKernel(shape: DecodeShape, subgroup: boolean) {
  const cache = shape.rotates ? "readWrite" : "read";
  const bindings: Record<string, Access> = {
    out: "readWrite",
    k_cache: cache,
    v_cache: cache,
    qkv: "read",
    slot: "read",
    position: "read",
    table: "read",
    ...(roundsInto(shape) && { overflow: "readWrite" }),
  };
  return defineKernel({
    name: "attention_decode",
    code: [
      VECTOR_PARTS[decodeWidth(shape)],
      INVOCATION,
      entryPart(shape.storage, decodeEntry(shape)),
      subgroup
        ? { name: "kernels/attention/attention_decode_text.ts (generated)", text: decodeText(shape) }
        : { name: "kernels/attention/blocked_decode_text.ts (generated)", text: blockedDecodeText(shape) },
    ],
    bindings,
    uniforms: {
      rows: "u32",
      heads: "u32",
      kv_heads: "u32",
      max_length: "u32",
      window: "u32",
      ...(shape.chunk !== undefined && { first: "u32", parts: "u32" }),
    } as Record<string, "u32">,
    requires: subgroup ? ["subgroups"] : [],
  });
}

/** Buffers and sizes of {@linkcode attentionDecode}. */
export interface AttentionDecode {
  /** Output, overwritten: f32 [rows, heads, headDim]. */
  out: Slice;
  /** f32 [rows, heads + 2·kvHeads, headDim]; k and v are read only with a `table`. */
  qkv: Slice;
  /**
   * [slots, maxLength, kvHeads·headDim], f32 or as `rounded` says; without a `table` it must hold the current token's k
   * already.
   */
  kCache: Slice;
  /** As `kCache`, for v. */
  vCache: Slice;
  /** u32 [rows]: the row of the cache that each row belongs to. */
  slot: Slice;
  /** u32 [rows]: position of each row's current token, which sees the keys 0 … position. */
  position: Slice;
  /**
   * The table of `ropeTable`, if `rope` and `kvStore` have not been called for these tokens: this dispatch then does
   * their work too, and no two rows may have the same slot.
   */
  table?: Slice;
  /** For a cache of rounded keys and values, as which the token's own are taken too; null if it has them in full. */
  rounded: RoundedCache | null;
  rows: number;
  /** A multiple of kvHeads. */
  heads: number;
  kvHeads: number;
  /** Even, with a `table` or if `rounded`. */
  headDim: number;
  /** Factor on the scores before the softmax (default 1 / √headDim). */
  scale?: number;
  maxLength: number;
  /** Hides keys whose position is this far back, or farther; 0 hides none. */
  window: number;
  /** Keys of a part, where the device splits them (default 512). */
  chunk?: number;
}

/** Records the attention of one token per row. A row's result is the same, bit for bit, whatever the other rows are. */
export function attentionDecode(commands: Commands, options: AttentionDecode): void {
  const { out, qkv, kCache, vCache, slot, position, table, rounded } = options;
  const { rows, heads, kvHeads, headDim, maxLength, window } = options;
  const { device } = commands;
  const { scale = defaultScale(headDim), chunk: most = CHUNK } = options;
  const subgroup = device.family === "cpu" && device.subgroupSize > 0;
  const lanes = subgroup ? device.subgroupSize : DECODE_LANES;
  const group = groupOf(heads / kvHeads, subgroup ? GROUP_ELEMENTS / headDim : decodeHeads(headDim));
  const rotates = table !== undefined;
  const storage = rounded?.storage ?? "f32";
  const parts = subgroup ? 1 : Math.ceil(maxLength / most);
  const chunk = parts > 1 ? most : undefined;
  const key = `${subgroup} ${lanes} ${headDim} ${scale} ${group} ${rotates} ${storage} ${chunk}`;
  let kernel = kernels.get(key);
  if (!kernel) {
    const shape: DecodeShape = {
      lanes,
      headDim,
      scale,
      group,
      rotates,
      storage,
      ...(chunk !== undefined && { chunk }),
    };
    kernels.set(key, kernel = decodeKernel(shape, subgroup));
  }
  const buffers = {
    k_cache: kCache,
    v_cache: vCache,
    qkv,
    slot,
    position,
    table: table ?? qkv,
    ...(rounded && { overflow: rounded.overflow }),
  };
  const uniforms = { rows, heads, kv_heads: kvHeads, max_length: maxLength, window };
  const perRow = heads / group;
  if (chunk === undefined) {
    commands.dispatch(kernel, {
      buffers: { out, ...buffers },
      uniforms,
      workgroups: grid(device, rows * perRow),
    });
    return;
  }
  const width = decodeWidth({ headDim, rotates });
  const sizes = { heads, parts, headDim, width };
  for (const { first, rows: some } of cutRows(rows, rowsOfParts(sizes))) {
    const partial = partsScratch(commands, { ...sizes, rows: some });
    const place = { first: first * perRow, parts };
    commands.dispatch(kernel, {
      buffers: { out: partial, ...buffers },
      uniforms: { ...uniforms, rows: first + some, ...place },
      workgroups: grid(device, some * perRow * parts),
    });
    combineParts(commands, { ...sizes, ...place, out, partial, position, groups: some * perRow, group, chunk, window });
  }
}

/** The largest divisor of `heads` that is at most `most`; at least 1. */
function groupOf(heads: number, most: number): number {
  for (let group = Math.min(heads, Math.floor(most)); group > 1; group--) {
    if (heads % group === 0) return group;
  }
  return 1;
}
