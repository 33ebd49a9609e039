/** Attention on a device's matrix units: its dispatches. @module */
import { type Commands, grid } from "../device/commands.ts";
import type { Extension } from "../device/extensions.ts";
import { FLOAT16 } from "../device/float16.ts";
import { INVOCATION } from "../device/invocation.ts";
import { defineKernel, type Kernel } from "../device/kernel.ts";
import type { Slice } from "../device/slice.ts";
import { SUBGROUP_MATRIX, SUBGROUP_SIZE } from "../device/subgroup_matrix.ts";
import { halveHeads, type Heads } from "./attention_halves.ts";
import { TILE } from "./blocked_attention.ts";
import { type MatrixAttentionShape, shapeName } from "./matrix_attention.ts";
import { matrixAttentionBindings, matrixAttentionUniforms, matrixForward } from "./matrix_attention_text.ts";
import { FORWARD, inParts, tileParts } from "./tile_parts.ts";

/** Buffers and sizes of a call. */
export interface AttentionOnMatrices extends Heads {
  out: Slice;
  lse: Slice;
  layout: Slice;
  tokens: number;
  longest?: number;
  /** Larger than any distance if there is none. */
  window: number;
  /** Pairs of a query and a key that it may see; 0 if they were not counted. */
  pairs: number;
}

const kernels = new Map<string, Kernel<keyof typeof matrixAttentionBindings, typeof matrixAttentionUniforms>>();

/** Records the forward pass. */
export function attentionOnMatrices(
  commands: Commands,
  shape: MatrixAttentionShape,
  options: AttentionOnMatrices,
): void {
  const { out, lse, layout, heads, kvHeads, window } = options;
  const { headDim, padded, parts, rows, unit: { k } } = shape;
  const { slots, ...halved } = halveHeads(commands, options, { headDim, padded, depth: k, parts });
  inParts(
    commands,
    tileParts(commands, { ...options, headDim, tile: TILE }, FORWARD),
    ({ tiles, tileCount }) =>
      commands.dispatch(kernelFor(shape), {
        buffers: { out, lse, ...halved, places: layout, tiles },
        uniforms: { tile_count: tileCount, heads, kv_heads: kvHeads, window, slots, chunks: padded / k },
        workgroups: grid(commands.device, tileCount * heads * TILE / rows),
      }),
  );
}

/** The features of kernels on matrix units. */
export function matrixRequires({ unit: { saysLanes } }: MatrixAttentionShape): readonly Extension[] {
  return ["subgroups", "shader-f16", SUBGROUP_MATRIX, ...saysLanes ? [SUBGROUP_SIZE] as const : []];
}

function kernelFor(shape: MatrixAttentionShape) {
  const name = `attention on matrices ${shapeName(shape)}`;
  const key = `${name}, scale ${shape.scale}`;
  let kernel = kernels.get(key);
  if (!kernel) {
    kernel = defineKernel({
      name,
      code: [FLOAT16, INVOCATION, {
        name: "kernels/attention/matrix_attention_text.ts (generated)",
        text: matrixForward(shape),
      }],
      bindings: matrixAttentionBindings,
      uniforms: matrixAttentionUniforms,
      requires: matrixRequires(shape),
    });
    kernels.set(key, kernel);
  }
  return kernel;
}
