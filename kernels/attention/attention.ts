/** Causal attention over packed sequences, with grouped heads, shared prefixes and a sliding window. @module */
import { type Commands, grid } from "../device/commands.ts";
import type { Device } from "../device/device.ts";
import { INVOCATION } from "../device/invocation.ts";
import { defineKernel } from "../device/kernel.ts";
import type { Slice } from "../device/slice.ts";
import type { SourcePart } from "../device/source.ts";
import { VECTOR_PARTS } from "../vector.ts";
import { attentionOnMatrices } from "./attention_on_matrices.ts";
import { attentionSource } from "./attention_forward_source.ts";
import { attentionBackwardKeySource, attentionBackwardQuerySource } from "./attention_source.ts";
import { type AttentionShape, defaultScale, vectorWidth } from "./attention_text.ts";
import { type BlockedShape, blockSizes, TILE } from "./blocked_attention.ts";
import { blockedBackwardKey } from "./blocked_attention_keys.ts";
import { blockedBackwardQuery, blockedForward } from "./blocked_attention_source.ts";
import { type MatrixAttentionShape, matrixAttentionShape } from "./matrix_attention.ts";
import { gradientOnMatrices } from "./matrix_gradient.ts";
import { FORWARD, inParts, KEY, QUERY, tileParts } from "./tile_parts.ts";
import { imageBindings, type Walked, walkedImages } from "./walked_images.ts";
import { backwardParts, checkForward } from "./walk_rounds.ts";

const uniforms = { tile_count: "u32", heads: "u32", kv_heads: "u32", window: "u32" } as const;
/** Where a workgroup takes two tiles forward, it needs to know where the last one ends. */
const twoTileUniforms = { tokens: "u32" } as const;
/** Those of a part of a walk. */
const partUniforms = { first: "u32", end: "u32", first_member: "u32", end_member: "u32" } as const;
/** Stands for no window: larger than any distance, but a token's index can be added without overflow. */
const NO_WINDOW = 0x7fffffff;

const kernels = new Map<string, ReturnType<typeof attentionKernels>>();

/** The texts of the three kernels, and the parts before them. */
interface AttentionTexts {
  before: readonly SourcePart[];
  generator: string;
  forward: string;
  query: string;
  key: string;
  requires: readonly "subgroups"[];
  /** Whether qkv, and backward the dout that is walked over, are read from images. */
  images: boolean;
  /** Whether the backward walks are cut. */
  cuts: boolean;
  /** Whether a workgroup takes two tiles forward. */
  twoTiles: boolean;
}

/** The kernels whose workgroups are subgroups: on a CPU broadcasts are faster than workgroup memory. */
function subgroupTexts(shape: AttentionShape): AttentionTexts {
  return {
    before: [VECTOR_PARTS[vectorWidth(shape.headDim)], INVOCATION],
    generator: "attention_text.ts",
    forward: attentionSource(shape),
    query: attentionBackwardQuerySource(shape),
    key: attentionBackwardKeySource(shape),
    requires: ["subgroups"],
    images: shape.images,
    cuts: shape.cuts,
    twoTiles: true,
  };
}

/** The kernels that pass blocks through workgroup memory. */
function blockedTexts(shape: BlockedShape): AttentionTexts {
  return {
    before: [INVOCATION],
    generator: "blocked_attention_text.ts",
    forward: blockedForward(shape),
    query: blockedBackwardQuery(shape),
    key: blockedBackwardKey(shape),
    requires: [],
    images: false,
    cuts: false,
    twoTiles: false,
  };
}

function attentionKernels(
  { before, generator, forward, query, key, requires, images, cuts, twoTiles }: AttentionTexts,
) {
  const forwardUniforms = (twoTiles ? { ...uniforms, ...twoTileUniforms } : uniforms) as Record<string, "u32">;
  const walkUniforms = (cuts ? { ...uniforms, ...partUniforms } : uniforms) as Record<string, "u32">;
  const walked = (...names: readonly Walked[]) => images ? imageBindings(names) : {};
  const code = (text: string): SourcePart[] => [
    ...before,
    { name: `kernels/attention/${generator} (generated)`, text },
  ];
  return {
    forward: defineKernel({
      name: "attention",
      code: code(forward),
      bindings: { out: "readWrite", lse: "readWrite", qkv: "read", places: "read", tiles: "read", ...walked("qkv") },
      uniforms: forwardUniforms,
      requires,
    }),
    query: defineKernel({
      name: "attention_backward_query",
      code: code(query),
      bindings: {
        dqkv: "readWrite",
        saved: "readWrite",
        dout: "read",
        out: "read",
        lse: "read",
        qkv: "read",
        places: "read",
        tiles: "read",
        ...walked("qkv"),
      },
      uniforms: walkUniforms,
      requires,
    }),
    key: defineKernel({
      name: "attention_backward_key",
      code: code(key),
      bindings: {
        dqkv: "readWrite",
        saved: "read",
        dout: "read",
        qkv: "read",
        position: "read",
        places: "read",
        tiles: "read",
        ...walked("qkv", "dout"),
      },
      uniforms: walkUniforms,
      requires,
    }),
  };
}

function kernelsFor(
  device: Device,
  { headDim, scale = defaultScale(headDim) }: Pick<AttentionBatch, "headDim" | "scale">,
  { images, cuts = false }: { images: boolean; cuts?: boolean },
): ReturnType<typeof attentionKernels> {
  const { lanes } = walkerOf(device);
  const key = `${lanes} ${headDim} ${scale} ${images} ${cuts}`;
  let known = kernels.get(key);
  if (!known) {
    const texts = lanes > 0 ? subgroupTexts({ lanes, headDim, scale, images, cuts }) : blockedTexts({ headDim, scale });
    kernels.set(key, known = attentionKernels(texts));
  }
  return known;
}

function usesSubgroups(device: Device): boolean {
  return device.family === "cpu" && device.subgroupSize > 0;
}

/** The most tokens that a tile can have on this device. */
export function attentionTile(device: Device): number {
  return usesSubgroups(device) ? device.subgroupSize : TILE;
}

/** What walks: the lanes of its subgroup, or 0, and the tokens of a tile. */
function walkerOf(device: Device): { lanes: number; tile: number } {
  return { lanes: usesSubgroups(device) ? device.subgroupSize : 0, tile: attentionTile(device) };
}

/** The shape on matrix units, where a call is computed on them. */
function matrixShape(
  { device, precision }: Commands,
  { headDim, scale = defaultScale(headDim) }: Pick<AttentionBatch, "headDim" | "scale">,
): MatrixAttentionShape | null {
  return usesSubgroups(device) ? null : matrixAttentionShape(device, { headDim, scale, precision });
}

/** Workgroups of each kernel for each tile and head of k and v: those that walk with queries, and with keys. */
function groupsOfTile(
  device: Device,
  { heads, kvHeads, headDim }: Pick<AttentionBatch, "heads" | "kvHeads" | "headDim">,
): { queries: number; keys: number } {
  const group = heads / kvHeads;
  if (usesSubgroups(device)) return { queries: group, keys: 1 };
  return { queries: group * TILE / blockSizes(headDim, 1).rows, keys: TILE / blockSizes(headDim, 2).rows };
}

/**
 * Tokens [start, end) of a packed batch that have the same segment_start, which is `start`, prefix and query_end in the
 * layout: all of them, so that only the last of a segment's tiles has fewer tokens than a tile can have.
 */
export interface AttentionSegment {
  start: number;
  end: number;
}

/** Cuts segments into tiles of at most `tile` tokens: (first token, count) each, for {@linkcode AttentionBatch}. */
export function attentionTiles(segments: readonly AttentionSegment[], tile: number): Uint32Array<ArrayBuffer> {
  const out: number[] = [];
  for (const { start, end } of segments) {
    for (let first = start; first < end; first += tile) out.push(first, Math.min(tile, end - first));
  }
  return Uint32Array.from(out);
}

/**
 * A packed batch: the tokens of all rows stand end to end, without padding. A row is a run of tokens, or a prompt
 * followed by responses that each continue it; positions count up by one along a row.
 */
export interface AttentionBatch {
  /** u32 [tokens]: position in the row, from 0. */
  position: Slice;
  /**
   * vec4u [tokens]: (segment_start, prefix_start, prefix_end, query_end). Token t sees the keys [prefix_start,
   * prefix_end) and [segment_start, t]; key t is seen by the queries [t, query_end) and no others. The prefix is a
   * segment, or none, and ends at the position where the segment begins.
   */
  layout: Slice;
  /** vec2u [tileCount] from {@linkcode attentionTiles}, of {@linkcode attentionTile} tokens, in the order of tokens. */
  tiles: Slice;
  tileCount: number;
  /** Tokens of the batch; the buffers may hold more. */
  tokens: number;
  /** The most tokens of a row; of a prompt that is shared, with all that continue it (default: all of the batch). */
  longest?: number;
  /** Pairs of a query and a key that it may see (default: not counted, and each kernel is one dispatch). */
  pairs?: number;
  /** A multiple of kvHeads. */
  heads: number;
  kvHeads: number;
  headDim: number;
  /** Factor on the scores before the softmax (default 1 / √headDim). */
  scale?: number;
  /** Hides keys whose position is this far back, or farther; 0 hides none. */
  window: number;
}

/** Buffers and sizes of {@linkcode attention}. */
export interface Attention extends AttentionBatch {
  /** Output, overwritten: f32 [tokens, heads, headDim]. */
  out: Slice;
  /** Saved for backward, overwritten: log-sum-exp of each query's scores, f32 [tokens, heads]. */
  lse: Slice;
  /** f32 [tokens, heads + 2·kvHeads, headDim], the heads of q, then k, then v. */
  qkv: Slice;
}

/**
 * Records out = softmax(scale · q·kᵀ)·v over the keys that each token sees. A token's result is the same, bit for
 * bit, whatever other rows are in the batch. A GPU with matrix units computes its products in the recorder's precision,
 * if headDim is a multiple of 4 that its units and subgroups divide evenly; else in float32. What takes longer than a
 * submission should is several, with the same bits. Throws RangeError for a batch that a CPU's loops might not get
 * through.
 */
export function attention(commands: Commands, options: Attention): void {
  if (options.tileCount === 0) return;
  const { out, lse, qkv, layout, tokens, heads, kvHeads, window } = options;
  const { device } = commands;
  const shape = matrixShape(commands, options);
  if (shape) return attentionOnMatrices(commands, shape, { pairs: 0, ...options, window: window || NO_WINDOW });
  checkForward(device, { ...options, ...walkerOf(device) });
  const { queries } = groupsOfTile(device, options);
  const images = usesSubgroups(device) ? walkedImages(commands, options, { qkv }) : null;
  const { forward } = kernelsFor(device, options, { images: images !== null });
  const values = { heads, kv_heads: kvHeads, window: window || NO_WINDOW, ...usesSubgroups(device) && { tokens } };
  inParts(
    commands,
    tileParts(commands, { pairs: 0, ...options, tile: attentionTile(device) }, FORWARD),
    ({ tiles, tileCount }) =>
      commands.dispatch(forward, {
        buffers: { out, lse, qkv, places: layout, tiles, ...images },
        uniforms: { ...values, tile_count: tileCount },
        workgroups: grid(device, tileCount * kvHeads * queries),
      }),
  );
}

/** Buffers and sizes of {@linkcode attentionBackward}. */
export interface AttentionBackward extends AttentionBatch {
  /** Output, overwritten, the gradients of q, k and v: f32 [tokens, heads + 2·kvHeads, headDim]. */
  dqkv: Slice;
  /** Scratch, overwritten: f32 [tokens, heads, 2]. */
  saved: Slice;
  /** Gradient of `out`: f32 [tokens, heads, headDim]. */
  dout: Slice;
  /** As {@linkcode attention} wrote it. */
  out: Slice;
  /** As {@linkcode attention} saved it. */
  lse: Slice;
  /** As {@linkcode attention} read it. */
  qkv: Slice;
  /** Rounds that the loops of a dispatch may have, at least 4, where a CPU walks (default: those that it grants). */
  rounds?: number;
}

/**
 * Records the gradient of {@linkcode attention}, in the same precision, and cut into submissions as that is. It computes
 * the scores again, and sums in a fixed order. Throws RangeError for a batch that a CPU without subgroups might not get
 * through.
 */
export function attentionBackward(commands: Commands, options: AttentionBackward): void {
  if (options.tileCount === 0) return;
  const { dqkv, saved, dout, out, lse, qkv, position, layout } = options;
  const { heads, kvHeads, window } = options;
  const { device } = commands;
  const shape = matrixShape(commands, options);
  if (shape) return gradientOnMatrices(commands, shape, { pairs: 0, ...options, window: window || NO_WINDOW });
  const images = usesSubgroups(device) ? walkedImages(commands, options, { qkv, dout }) : null;
  const parts = backwardParts(device, { ...options, ...walkerOf(device) });
  const { query, key } = kernelsFor(device, options, { images: images !== null, cuts: parts !== null });
  const { queries, keys } = groupsOfTile(device, options);
  const values = { heads, kv_heads: kvHeads, window: window || NO_WINDOW };
  const work = { pairs: 0, ...options, tile: attentionTile(device) };
  inParts(commands, tileParts(commands, work, QUERY), ({ tiles, tileCount }) => {
    for (const part of parts?.queries ?? [{}]) {
      commands.dispatch(query, {
        buffers: { dqkv, saved, dout, out, lse, qkv, places: layout, tiles, ...images },
        uniforms: { ...values, tile_count: tileCount, ...part },
        workgroups: grid(device, tileCount * kvHeads * queries),
      });
    }
  });
  inParts(commands, tileParts(commands, work, KEY), ({ tiles, tileCount }) => {
    for (const part of parts?.keys ?? [{}]) {
      commands.dispatch(key, {
        buffers: { dqkv, saved, dout, qkv, position, places: layout, tiles, ...images },
        uniforms: { ...values, tile_count: tileCount, ...part },
        workgroups: grid(device, tileCount * kvHeads * keys),
        constants: { WINDOWED: window > 0 ? 1 : 0 },
      });
    }
  });
}
