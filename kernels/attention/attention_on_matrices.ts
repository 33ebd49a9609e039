/** Attention on a device's matrix units: its dispatches. @module */
import { type Commands, grid } from "../device/commands.ts";
import { FLOAT16 } from "../device/float16.ts";
import { INVOCATION } from "../device/invocation.ts";
import { defineKernel, type Kernel } from "../device/kernel.ts";
import type { Slice } from "../device/slice.ts";
import { SUBGROUP_MATRIX, SUBGROUP_SIZE } from "../device/subgroup_matrix.ts";
import { halveHeads, type Heads } from "./attention_halves.ts";
import { TILE } from "./blocked_attention.ts";
import type { MatrixAttentionShape } from "./matrix_attention.ts";
import { matrixAttentionBindings, matrixAttentionUniforms, matrixForward } from "./matrix_attention_text.ts";

/** Buffers and sizes of a call. */
export interface AttentionOnMatrices extends Heads {
  out: Slice;
  lse: Slice;
  layout: Slice;
  /** Larger than any distance if there is none. */
  window: number;
}

const kernels = new Map<string, Kernel<keyof typeof matrixAttentionBindings, typeof matrixAttentionUniforms>>();

/** Records the forward pass. */
export function attentionOnMatrices(
  commands: Commands,
  shape: MatrixAttentionShape,
  options: AttentionOnMatrices,
): void {
  const { out, lse, layout, tiles, tileCount, heads, kvHeads, window } = options;
  const { headDim, padded, parts, rows, unit: { k } } = shape;
  const { slots, ...halved } = halveHeads(commands, options, { headDim, padded, depth: k, parts });
  commands.dispatch(kernelFor(shape), {
    buffers: { out, lse, ...halved, places: layout, tiles },
    uniforms: { tile_count: tileCount, heads, kv_heads: kvHeads, window, slots, chunks: padded / k },
    workgroups: grid(commands.device, tileCount * heads * TILE / rows),
  });
}

function kernelFor(shape: MatrixAttentionShape) {
  const { headDim, scale, rows, parts, unit: { m, n, k, lanes, saysLanes } } = shape;
  const of = `${m}x${n}x${k} by ${lanes} lanes${saysLanes ? "" : ", unsaid"}`;
  const precision = parts === 2 ? "float32x3" : "float16";
  const name = `attention on matrices ${precision} of ${of}, ${rows} rows, head size ${headDim}`;
  const key = `${name}, scale ${scale}`;
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
      requires: ["subgroups", "shader-f16", SUBGROUP_MATRIX, ...saysLanes ? [SUBGROUP_SIZE] as const : []],
    });
    kernels.set(key, kernel);
  }
  return kernel;
}
