/** Rotary position embedding. @module */
import source from "./rope.wgsl" with { type: "text" };
import { type Commands, grid } from "../device/commands.ts";
import { INVOCATION } from "../device/invocation.ts";
import type { Slice } from "../device/slice.ts";
import { byWidth, defineWidths, elementLanes } from "../vector.ts";

const kernels = defineWidths({
  name: "rope",
  code: [INVOCATION, { name: "kernels/attention/rope.wgsl", text: source }],
  bindings: { qkv: "readWrite", position: "read", table: "read" },
  uniforms: { items: "u32", rotated_heads: "u32", total_heads: "u32", half_vectors: "u32", sign: "f32" },
});

/** What {@linkcode ropeTable} needs. */
export interface RopeTable {
  /** Radians per position of each pair: [headDim / 2]. */
  inverseFrequencies: Float64Array;
  maxPositions: number;
}

/** Cosines and sines for {@linkcode rope}, computed in float64: [maxPositions, 2, headDim / 2]. */
export function ropeTable({ inverseFrequencies, maxPositions }: RopeTable): Float32Array<ArrayBuffer> {
  const half = inverseFrequencies.length;
  const table = new Float32Array(maxPositions * half * 2);
  for (let position = 0; position < maxPositions; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position * inverseFrequencies[i]!;
      table[position * 2 * half + i] = Math.cos(angle);
      table[(position * 2 + 1) * half + i] = Math.sin(angle);
    }
  }
  return table;
}

/** Buffers and sizes of {@linkcode rope}. */
export interface Rope {
  /** Changed in place: f32 [tokens, heads + 2·kvHeads, headDim], the heads of q, then k, then v; v is left alone. */
  qkv: Slice;
  /** u32 [tokens], each below the table's maxPositions. */
  position: Slice;
  /** From {@linkcode ropeTable}. */
  table: Slice;
  tokens: number;
  heads: number;
  kvHeads: number;
  /** Even. */
  headDim: number;
  /** Rotates back, which is the backward pass when applied to the gradient (default false). */
  inverse?: boolean;
}

/** Records the rotation of q and k by the angles of their positions. */
export function rope(
  commands: Commands,
  { qkv, position, table, tokens, heads, kvHeads, headDim, inverse = false }: Rope,
): void {
  const { kernel, width } = byWidth(kernels, headDim / 2);
  const halfVectors = headDim / 2 / width;
  const lanes = elementLanes(commands.device);
  const items = tokens * (heads + kvHeads) * halfVectors;
  commands.dispatch(kernel, {
    buffers: { qkv, position, table },
    uniforms: {
      items,
      rotated_heads: heads + kvHeads,
      total_heads: heads + 2 * kvHeads,
      half_vectors: halfVectors,
      sign: inverse ? -1 : 1,
    },
    workgroups: grid(commands.device, Math.ceil(items / lanes)),
    constants: { LANES: lanes },
  });
}
