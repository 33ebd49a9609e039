/** The heads of q, k and v in float16, as matrix units read them. @module */
import source from "./attention_halves.wgsl" with { type: "text" };
import { type Commands, grid } from "../device/commands.ts";
import { FLOAT16 } from "../device/float16.ts";
import { INVOCATION } from "../device/invocation.ts";
import { defineKernel } from "../device/kernel.ts";
import { scratchBuffer } from "../device/scratch.ts";
import type { Slice } from "../device/slice.ts";
import { TILE } from "./blocked_attention.ts";

/** What is brought to float16: the heads of a batch ({@linkcode AttentionBatch}). */
export interface Heads {
  /** f32 [tokens, heads + 2·kvHeads, headDim]. */
  qkv: Slice;
  tiles: Slice;
  tileCount: number;
  heads: number;
  kvHeads: number;
}

/** How heads are cut. */
export interface HeadsCut {
  headDim: number;
  /** What heads are filled up to. */
  padded: number;
  /** Numbers of a line that lie side by side; it divides `padded`. */
  depth: number;
  /** 2 with a low part. */
  parts: 1 | 2;
}

/** Buffers of the recorder's own until the next call; attention_halves.wgsl says how they are laid out. */
export interface HalvedHeads {
  /** f16 of q, k and v. */
  halves: Slice;
  /** What undoes the scale of each head: f32 [heads + 2·kvHeads, slots / depth], where a tile begins. */
  powers: Slice;
  /** u32 [tokens], where a tile begins. */
  first_slots: Slice;
  slots: number;
}

const kernel = defineKernel({
  name: "attention_halves",
  code: [FLOAT16, INVOCATION, { name: "kernels/attention/attention_halves.wgsl", text: source }],
  bindings: { halves: "readWrite", powers: "readWrite", first_slots: "readWrite", qkv: "read", tiles: "read" },
  uniforms: { tile_count: "u32", heads: "u32", kv_heads: "u32", slots: "u32" },
});

/** Lanes that bring a tile's head to float16. */
const LANES = 128;

/** Records the scaling and rounding of q, k and v. Buffers are sized by what `qkv` and `tiles` can hold. */
export function halveHeads(
  commands: Commands,
  { qkv, tiles, tileCount, heads, kvHeads }: Heads,
  { headDim, padded, depth, parts }: HeadsCut,
): HalvedHeads {
  const allHeads = heads + 2 * kvHeads;
  const tokens = Math.floor(qkv.size / (4 * allHeads * headDim));
  // A tile has `depth` slots more than the tokens before it, and is read as a whole block.
  const slots = (Math.ceil(tokens / depth) + Math.floor(tiles.size / 8) + 1) * depth + TILE;
  const scratch = (name: string, bytes: number): Slice =>
    scratchBuffer(commands, { name: `attention ${name} in float16`, bytes });
  const buffers = {
    halves: scratch("heads", 2 * parts * padded * slots * allHeads),
    powers: scratch("powers", 4 * allHeads * slots / depth),
    first_slots: scratch("slots", 4 * tokens),
  };
  commands.dispatch(kernel, {
    buffers: { ...buffers, qkv, tiles },
    uniforms: { tile_count: tileCount, heads, kv_heads: kvHeads, slots },
    workgroups: grid(commands.device, tileCount * allHeads),
    constants: { LANES, HEAD: headDim, PADDED: padded, DEPTH: depth, PARTS: parts },
  });
  return { ...buffers, slots };
}
