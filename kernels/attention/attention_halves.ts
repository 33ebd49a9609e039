/** Heads in float16, as matrix units read them. @module */
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
  /** What undoes the scale of each group of heads, those of q, of k, of v, of dout: f32 [groups, slots / depth]. */
  powers: Slice;
  /** u32 [tokens], where a tile begins. */
  first_slots: Slice;
  slots: number;
}

/** The same, with what the gradient takes besides. */
export interface HalvedGradient extends HalvedHeads {
  /** f16 of dout. */
  gradients: Slice;
}

const kernel = defineKernel({
  name: "attention_halves",
  code: [FLOAT16, INVOCATION, { name: "kernels/attention/attention_halves.wgsl", text: source }],
  bindings: { halves: "readWrite", powers: "readWrite", first_slots: "readWrite", x: "read", tiles: "read" },
  uniforms: {
    tile_count: "u32",
    groups: "u32",
    group_size: "u32",
    heads: "u32",
    first_head: "u32",
    first_plane: "u32",
    first_power: "u32",
    slots: "u32",
  },
});

/** Lanes that bring a group of a tile to float16. */
const LANES = 128;

/** Along what numbers lie side by side. */
type Ways = readonly ("heads" | "rows")[];

/** Heads that are brought to float16, a group of them for each head of k. */
interface HalvedKind {
  x: Slice;
  /** Heads of a token of x, and the first. */
  ofToken: number;
  first: number;
  groupSize: number;
  ways: Ways;
  halves: Slice;
  firstPlane: number;
}

/** Slots for all tiles that `qkv` and `tiles` can hold: buffers must not depend on the batch. */
function slotsFor({ qkv, tiles, heads, kvHeads }: Heads, { headDim, depth }: HeadsCut) {
  const tokens = Math.floor(qkv.size / (4 * (heads + 2 * kvHeads) * headDim));
  // A tile has `depth` slots more than the tokens before it, and is read as a whole block.
  return { tokens, slots: (Math.ceil(tokens / depth) + Math.floor(tiles.size / 8) + 1) * depth + TILE };
}

function scratch(commands: Commands, name: string, bytes: number): Slice {
  return scratchBuffer(commands, { name: `attention ${name} in float16`, bytes });
}

/** q, k and v, whose planes follow one another, as many for each as it has ways and parts. */
function qkvKinds(
  { qkv, heads, kvHeads }: Heads,
  { halves, parts, ways: [q, k, v] }: { halves: Slice; parts: number; ways: readonly [Ways, Ways, Ways] },
): HalvedKind[] {
  const of = { x: qkv, ofToken: heads + 2 * kvHeads, halves };
  const kPlane = parts * q.length * heads;
  return [
    { ...of, first: 0, groupSize: heads / kvHeads, ways: q, firstPlane: 0 },
    { ...of, first: heads, groupSize: 1, ways: k, firstPlane: kPlane },
    { ...of, first: heads + kvHeads, groupSize: 1, ways: v, firstPlane: kPlane + parts * k.length * kvHeads },
  ];
}

function halve(
  commands: Commands,
  { tiles, tileCount, kvHeads }: Heads,
  { cut: { headDim, padded, depth, parts }, kinds, powers, first_slots, slots }: {
    cut: HeadsCut;
    kinds: readonly HalvedKind[];
    powers: Slice;
    first_slots: Slice;
    slots: number;
  },
): void {
  for (const [i, { x, ofToken, first, groupSize, ways, halves, firstPlane }] of kinds.entries()) {
    const [alongHeads, alongRows] = [ways.includes("heads"), ways.includes("rows")].map(Number);
    commands.dispatch(kernel, {
      buffers: { halves, powers, first_slots, x, tiles },
      uniforms: {
        tile_count: tileCount,
        groups: kvHeads,
        group_size: groupSize,
        heads: ofToken,
        first_head: first,
        first_plane: firstPlane,
        first_power: i * kvHeads,
        slots,
      },
      workgroups: grid(commands.device, tileCount * kvHeads),
      constants: {
        ...{ LANES, HEAD: headDim, PADDED: padded, DEPTH: depth, PARTS: parts },
        ...{ ALONG_HEADS: alongHeads!, ALONG_ROWS: alongRows! },
      },
    });
  }
}

/** Records the scaling and rounding of q, k and v: q and k along heads, v along rows. */
export function halveHeads(commands: Commands, heads: Heads, cut: HeadsCut): HalvedHeads {
  const { padded, depth, parts } = cut;
  const { tokens, slots } = slotsFor(heads, cut);
  const planes = parts * (heads.heads + 2 * heads.kvHeads);
  const halves = scratch(commands, "heads", 2 * padded * slots * planes);
  const powers = scratch(commands, "powers", 4 * 3 * heads.kvHeads * slots / depth);
  const first_slots = scratch(commands, "slots", 4 * tokens);
  const kinds = qkvKinds(heads, { halves, parts, ways: [["heads"], ["heads"], ["rows"]] });
  halve(commands, heads, { cut, kinds, powers, first_slots, slots });
  return { halves, powers, first_slots, slots };
}

/** Records the same for the gradient, with `dout`, f32 [tokens, heads, headDim]: all but v both ways, v along heads. */
export function halveGradient(commands: Commands, heads: Heads & { dout: Slice }, cut: HeadsCut): HalvedGradient {
  const { padded, depth, parts } = cut;
  const { tokens, slots } = slotsFor(heads, cut);
  const plane = 2 * padded * slots;
  const halves = scratch(commands, "heads", plane * parts * (2 * heads.heads + 3 * heads.kvHeads));
  const gradients = scratch(commands, "gradients", plane * parts * 2 * heads.heads);
  const powers = scratch(commands, "powers", 4 * 4 * heads.kvHeads * slots / depth);
  const first_slots = scratch(commands, "slots", 4 * tokens);
  const both: Ways = ["heads", "rows"];
  const kinds = [
    ...qkvKinds(heads, { halves, parts, ways: [both, both, ["heads"]] }),
    {
      ...{ x: heads.dout, ofToken: heads.heads, first: 0, groupSize: heads.heads / heads.kvHeads },
      ...{ ways: both, halves: gradients, firstPlane: 0 },
    },
  ];
  halve(commands, heads, { cut, kinds, powers, first_slots, slots });
  return { halves, gradients, powers, first_slots, slots };
}
