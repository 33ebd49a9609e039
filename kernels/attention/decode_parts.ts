/** The parts of rows whose keys decoding splits among workgroups: their scratch, and how they are combined. @module */
import partsSource from "./decode_parts.wgsl" with { type: "text" };
import { type Commands, grid } from "../device/commands.ts";
import { INVOCATION } from "../device/invocation.ts";
import { defineKernel } from "../device/kernel.ts";
import { scratchBuffer } from "../device/scratch.ts";
import type { Slice } from "../device/slice.ts";
import { elementLanes, VECTOR_PARTS } from "../vector.ts";

/** Bytes of scratch that a dispatch's parts may take: more rows are decoded by several dispatches. */
const MOST_BYTES = 2 ** 25;

/** A part holds its sums, then its largest score and the sum of its weights: in one V of four, or in two of one. */
const TOP_AND_SUM: Readonly<Record<1 | 4, string>> = {
  1: `fn top_of(part: u32) -> f32 { return partial[part + p.vectors]; }
fn sum_of(part: u32) -> f32 { return partial[part + p.vectors + 1u]; }
`,
  4: `fn top_of(part: u32) -> f32 { return partial[part + p.vectors].x; }
fn sum_of(part: u32) -> f32 { return partial[part + p.vectors].y; }
`,
};

const kernels = { 1: combineKernel(1), 4: combineKernel(4) };

function combineKernel(width: 1 | 4) {
  return defineKernel({
    name: width === 4 ? "decode_parts vec4" : "decode_parts",
    code: [
      VECTOR_PARTS[width],
      INVOCATION,
      { name: "kernels/attention/decode_parts.ts (generated)", text: TOP_AND_SUM[width] },
      { name: "kernels/attention/decode_parts.wgsl", text: partsSource },
    ],
    bindings: { out: "readWrite", partial: "read", position: "read" },
    uniforms: {
      first: "u32",
      groups: "u32",
      group: "u32",
      heads: "u32",
      parts: "u32",
      chunk: "u32",
      window: "u32",
      vectors: "u32",
      size: "u32",
    },
  });
}

/** V of a part of a head. */
export function partVectors(headDim: number, width: 1 | 4): number {
  return headDim / width + (width === 4 ? 1 : 2);
}

/** Rows that one dispatch decodes, by the scratch of a row's parts; at least one. */
export function rowsOfParts({ heads, parts, headDim, width }: PartSizes & { heads: number }): number {
  return Math.max(1, Math.floor(MOST_BYTES / (heads * parts * partVectors(headDim, width) * width * 4)));
}

/** How large parts are. */
export interface PartSizes {
  /** Parts of a row's keys. */
  parts: number;
  headDim: number;
  width: 1 | 4;
}

/** The recorder's scratch for the parts of so many rows. */
export function partsScratch(
  commands: Commands,
  { rows, heads, parts, headDim, width }: PartSizes & { rows: number; heads: number },
): Slice {
  const bytes = rows * heads * parts * partVectors(headDim, width) * width * 4;
  return scratchBuffer(commands, { name: "parts of decoding", bytes });
}

/** Buffers and sizes of {@linkcode combineParts}. */
export interface CombineParts extends PartSizes {
  /** Output, f32 [rows, heads, headDim]: overwritten in the rows of the parts. */
  out: Slice;
  /** What attention_decode left, of {@linkcode partsScratch}. */
  partial: Slice;
  /** u32 [rows]: as decoding has it. */
  position: Slice;
  /** Groups of query heads before the parts' first. */
  first: number;
  /** Groups in the parts. */
  groups: number;
  /** Query heads of a group. */
  group: number;
  heads: number;
  /** Keys of a part. */
  chunk: number;
  window: number;
}

/** Records the combination of parts. One part alone gives the bits that decoding gives without parts. */
export function combineParts(commands: Commands, call: CombineParts): void {
  const { out, partial, position, headDim, width, first, groups, group, heads, parts, chunk, window } = call;
  const { device } = commands;
  const vectors = headDim / width;
  const lanes = elementLanes(device);
  commands.dispatch(kernels[width], {
    buffers: { out, partial, position },
    uniforms: { first, groups, group, heads, parts, chunk, window, vectors, size: partVectors(headDim, width) },
    workgroups: grid(device, Math.ceil(groups * group * vectors / lanes)),
    constants: { LANES: lanes },
  });
}
