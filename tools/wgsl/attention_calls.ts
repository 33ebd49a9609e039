/** Calls that ask for every text of attention, by head size. @module */
import { attention, attentionBackward } from "../../kernels/attention/attention.ts";
import { attentionDecode } from "../../kernels/attention/attention_decode.ts";
import { attentionDelta } from "../../kernels/attention/attention_delta.ts";
import { halveGradient, halveHeads } from "../../kernels/attention/attention_halves.ts";
import type { RoundedCache } from "../../kernels/attention/cache_text.ts";
import type { Commands } from "../../kernels/device/commands.ts";
import { type Slice, subslice } from "../../kernels/device/slice.ts";

/** Those of public models, and some that are no multiple of 4 or 8. */
const HEAD_SIZES = [2, 8, 10, 12, 16, 24, 32, 48, 64, 80, 96, 112, 120, 128, 160, 192, 256];

/** Heads that share a key's: what a workgroup of decoding takes at a time depends on it. */
const HEADS = [2, 4, 6, 8, 14, 16];
/** Of these, what is recorded unless all is. */
const FEWER_SIZES = [10, 12, 64, 80, 128, 256];
const FEWER_HEADS = [4, 14];

/** Positions of a cache: keys in one part, and in several. */
const LENGTHS = [64, 1024];

/** The heads in float16 are allocated by these sizes. */
function fewTokens(slice: Slice): { qkv: Slice; tiles: Slice } {
  return { qkv: subslice(slice, 0, 2 ** 18), tiles: subslice(slice, 0, 256) };
}

/**
 * Records attention and decoding for every head size, way of caching, and number of heads that share a key; unless
 * `thorough`, for some of them. `onCall` is told of what before it is asked for.
 */
export function recordAttention(
  commands: Commands,
  slice: Slice,
  { thorough, onCall }: { thorough: boolean; onCall: (what: string) => void },
): void {
  const { family, subgroupSize } = commands.device;
  const usual = family === "gpu" || subgroupSize === 0 || subgroupSize === 8;
  const sizes = { kvHeads: 2, window: 0 };
  const caches: (RoundedCache | null)[] = [
    null,
    { storage: "bf16", overflow: slice },
    { storage: "f16", overflow: slice },
  ];
  for (const headDim of thorough ? HEAD_SIZES : usual ? FEWER_SIZES : [64]) {
    const tiles = { position: slice, layout: slice, tiles: slice, tileCount: 4 };
    onCall(`head size ${headDim}`);
    const batch = { ...sizes, ...tiles, tokens: 1, out: slice, lse: slice, qkv: slice, heads: 4, headDim };
    // A CPU reads what fits an image from one, and the rest, as what ends within a texel, from buffers.
    for (const qkv of family === "cpu" ? [slice, { ...slice, size: slice.size - 4 }] : [slice]) {
      attention(commands, { ...batch, qkv });
      attention(commands, { ...batch, qkv, scale: 0.0625 });
      for (const window of [0, 5]) {
        const call = { ...batch, qkv, dqkv: slice, saved: slice, dout: qkv, window };
        attentionBackward(commands, call);
        // Its walks cut, as those of long rows are.
        if (family === "cpu") attentionBackward(commands, { ...call, rounds: 5 });
      }
    }
    if (headDim % 8 === 0) {
      attentionDelta(commands, { ...batch, saved: slice, dout: slice });
      for (const parts of [1, 2] as const) {
        // What every compiler takes of attention on matrix units.
        const heads = { ...batch, ...fewTokens(slice), dout: slice };
        halveHeads(commands, heads, { headDim, padded: headDim, depth: 8, parts });
        halveGradient(commands, heads, { headDim, padded: headDim, depth: 8, parts });
      }
    }
    const decoded = thorough
      ? HEADS.flatMap((heads) => LENGTHS.map((maxLength) => ({ heads, maxLength })))
      : FEWER_HEADS.map((heads, i) => ({ heads, maxLength: LENGTHS[i]! }));
    for (const { heads, maxLength } of decoded) {
      for (const rounded of caches) {
        for (const table of [undefined, slice]) {
          const cache = `${rounded?.storage ?? "f32"} cache${table ? " with RoPE" : ""}`;
          const parts = maxLength === LENGTHS[0] ? "" : " in parts";
          onCall(`head size ${headDim}, ${heads / sizes.kvHeads} heads a key, ${cache}${parts}`);
          attentionDecode(commands, {
            ...sizes,
            out: slice,
            qkv: slice,
            kCache: slice,
            vCache: slice,
            slot: slice,
            position: slice,
            ...(table && { table }),
            rounded,
            rows: 3,
            heads,
            headDim,
            maxLength,
          });
        }
      }
    }
  }
}

/** Head sizes on matrix units. */
const MATRIX_HEADS = [16, 64, 80, 128, 256];

/** Records attention on matrix units in both precisions; `onCall` is told of what before it is asked for. */
export function recordMatrixAttention(
  commands: Commands,
  slice: Slice,
  onCall: (what: string) => void,
): void {
  for (const headDim of MATRIX_HEADS) {
    onCall(`head size ${headDim}`);
    const tiles = { position: slice, layout: slice, tileCount: 4, tokens: 1, ...fewTokens(slice) };
    const batch = { ...tiles, out: slice, lse: slice, heads: 4, kvHeads: 2, headDim, window: 0 };
    for (const precision of ["float32x3", "float16"] as const) {
      commands.inPrecision(precision, () => {
        attention(commands, batch);
        attentionBackward(commands, { ...batch, dqkv: slice, saved: slice, dout: slice });
      });
    }
  }
  onCall("");
}
