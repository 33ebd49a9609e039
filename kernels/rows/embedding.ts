/** Token embeddings: rows of a weight that may be larger than one binding. @module */
import backwardSource from "./embedding_backward.wgsl" with { type: "text" };
import { type Commands, grid } from "../device/commands.ts";
import { INVOCATION } from "../device/invocation.ts";
import { columnGroups, longest } from "../device/rounds.ts";
import type { Slice } from "../device/slice.ts";
import { byWidth, defineWidths } from "../vector.ts";
import { windowOf, windows } from "../window.ts";
import { gatherRows } from "./gather_rows.ts";

const backward = defineWidths({
  name: "embedding_backward",
  code: [INVOCATION, { name: "kernels/rows/embedding_backward.wgsl", text: backwardSource }],
  bindings: { dweight: "readWrite", ids: "read", starts: "read", tokens: "read", dout: "read" },
  uniforms: { count: "u32", columns: "u32", first: "u32", window: "u32" },
});

/** Buffers and sizes of {@linkcode embedding}. */
export interface Embedding {
  /** Output, f32 [tokens, columns]; rows whose id is below `vocabSize` are overwritten, others left alone. */
  out: Slice;
  /** [vocabSize, columns], stored as `storage` says, of any size. */
  weight: Slice;
  /** How the weight is stored (default "f32"). */
  storage?: "f32" | "bf16" | "f16";
  /** u32 [tokens]. */
  ids: Slice;
  tokens: number;
  vocabSize: number;
  columns: number;
}

/** Records out[t] = weight[ids[t]], with one dispatch for each window of the weight that fits in a binding. */
export function embedding(
  commands: Commands,
  { out, weight, storage = "f32", ids, tokens, vocabSize, columns }: Embedding,
): void {
  gatherRows(commands, { out, x: weight, storage, index: ids, rows: tokens, sourceRows: vocabSize, columns });
}

/** The tokens of each id: those of `ids[u]` are `tokens[starts[u]] … tokens[starts[u + 1] − 1]`. */
export interface EmbeddingIndex {
  /** Distinct, ascending. */
  ids: Uint32Array<ArrayBuffer>;
  /** [ids.length + 1]. */
  starts: Uint32Array<ArrayBuffer>;
  /** Ascending within each id. */
  tokens: Uint32Array<ArrayBuffer>;
  /** The most tokens that an id has. */
  most: number;
}

/** The distinct ids with their tokens, for {@linkcode embeddingBackward}. */
export function embeddingIndex(ids: ArrayLike<number>): EmbeddingIndex {
  // Sorting id · length + token as numbers is fast, and exact below 2^53.
  const order = Float64Array.from({ length: ids.length }, (_, t) => ids[t]! * ids.length + t).sort();
  const tokens = new Uint32Array(ids.length);
  const distinct: number[] = [];
  const starts: number[] = [];
  order.forEach((key, i) => {
    const id = Math.floor(key / ids.length);
    tokens[i] = key % ids.length;
    if (distinct.at(-1) === id) return;
    distinct.push(id);
    starts.push(i);
  });
  starts.push(ids.length);
  return { ids: Uint32Array.from(distinct), starts: Uint32Array.from(starts), tokens, most: longest(starts) };
}

/**
 * Buffers and sizes of {@linkcode embeddingBackward}; {@linkcode embeddingIndex} makes `ids`, `starts`, `tokens` and `most`.
 */
export interface EmbeddingBackward {
  /** Added to: f32 [vocabSize, columns], of any size. */
  dweight: Slice;
  /** u32 [count]. */
  ids: Slice;
  /** u32 [count + 1]. */
  starts: Slice;
  /** u32 [tokens]. */
  tokens: Slice;
  /** f32 [tokens, columns]. */
  dout: Slice;
  /** Number of distinct ids. */
  count: number;
  /** The most tokens that an id has. */
  most: number;
  vocabSize: number;
  columns: number;
}

/**
 * Records dweight[id] += Σ dout[t] over the tokens of that id, in ascending order. Throws RangeError where an id has more
 * tokens than the device's loops have rounds.
 */
export function embeddingBackward(
  commands: Commands,
  { dweight, ids, starts, tokens, dout, count, most, vocabSize, columns }: EmbeddingBackward,
): void {
  const { kernel, width } = byWidth(backward, columns);
  const rowBytes = columns * 4;
  const lanes = commands.device.rowLanes;
  const groups = columnGroups(commands.device, { kernel: kernel.name, columns: columns / width, lanes, most });
  for (const window of windows(commands.device, vocabSize, { rowBytes, of: dweight })) {
    commands.dispatch(kernel, {
      buffers: { dweight: windowOf(dweight, window, rowBytes), ids, starts, tokens, dout },
      uniforms: { count, columns: columns / width, first: window.first, window: window.rows },
      workgroups: [...grid(commands.device, count), groups],
      constants: { LANES: lanes },
    });
  }
}
