/**
 * Attention's gradient on a device's matrix units. Rows, blocks and the ways through workgroup memory are those of the
 * forward pass (matrix_attention.ts): for q the rows are queries, for k and v they are keys.
 *
 * Of each block there are two products of scores: with the log-sum-exp the first gives the weights of softmax, and dout · v
 * then their gradients. Those of scores follow from both; a row's lanes scale them by a power of two of their own in each
 * block, as they are bounded by nothing that is known before. Sums of a block are rescaled and added in float32.
 *
 * q, k and dout are brought to float16 both along heads and along rows, v along heads; a group of q's heads in a tile has
 * one scale, as the sums of k and v go over them.
 *
 * @module
 */
import { type Commands, grid } from "../device/commands.ts";
import { FLOAT16 } from "../device/float16.ts";
import { INVOCATION } from "../device/invocation.ts";
import { type Access, defineKernel, type Kernel } from "../device/kernel.ts";
import type { Slice } from "../device/slice.ts";
import type { UniformFields } from "../device/uniform.ts";
import { attentionDelta } from "./attention_delta.ts";
import { halveGradient } from "./attention_halves.ts";
import { type AttentionOnMatrices, matrixRequires } from "./attention_on_matrices.ts";
import { TILE } from "./blocked_attention.ts";
import { type MatrixAttentionShape, shapeName } from "./matrix_attention.ts";
import { matrixAttentionUniforms } from "./matrix_attention_text.ts";
import {
  type KeyOutputs,
  matrixBackwardKey,
  matrixKeyBindings,
  matrixKeyUniforms,
} from "./matrix_gradient_key_text.ts";
import { matrixBackwardQuery, matrixQueryBindings } from "./matrix_gradient_query_text.ts";
import { inParts, KEY, QUERY, tileParts } from "./tile_parts.ts";

/** Buffers and sizes of a call. */
export interface GradientOnMatrices extends AttentionOnMatrices {
  dqkv: Slice;
  saved: Slice;
  dout: Slice;
}

/** The largest heads of which a row's lanes keep the sums of both k and v. */
const MOST_OF_BOTH = 128;

const kernels = new Map<string, ReturnType<typeof gradientKernels>>();

/** Records the gradient. */
export function gradientOnMatrices(
  commands: Commands,
  shape: MatrixAttentionShape,
  options: GradientOnMatrices,
): void {
  const { device } = commands;
  const { dqkv, saved, dout, out, lse, layout, tokens, tiles, tileCount, heads, kvHeads, window } = options;
  const { headDim, padded, parts, rows, unit: { k } } = shape;
  attentionDelta(commands, { saved, dout, out, lse, tokens, heads, headDim });
  const { slots, first_slots, ...halved } = halveGradient(commands, options, { headDim, padded, depth: k, parts });
  const { query, keys } = kernelsFor(shape);
  const uniforms = { heads, kv_heads: kvHeads, window, slots, chunks: padded / k };
  const buffers = { dqkv, saved, ...halved, places: layout };
  inParts(
    commands,
    tileParts(commands, { ...options, headDim, tile: TILE }, QUERY),
    (part) =>
      commands.dispatch(query, {
        buffers: { ...buffers, first_slots, tiles: part.tiles },
        uniforms: { ...uniforms, tile_count: part.tileCount },
        workgroups: grid(device, part.tileCount * heads * TILE / rows),
      }),
  );
  // A part's keys are seen by queries of tiles after it, and a tile's slots follow from its number.
  for (const { key, products } of keys) {
    inParts(
      commands,
      tileParts(commands, { ...options, headDim, tile: TILE }, { ...KEY, products }),
      (part) =>
        commands.dispatch(key, {
          buffers: { ...buffers, tiles },
          uniforms: { ...uniforms, tile_count: part.tileCount, first_tile: part.first, all_tiles: tileCount },
          workgroups: grid(device, part.tileCount * kvHeads * TILE / rows),
        }),
    );
  }
}

function kernelsFor(shape: MatrixAttentionShape): ReturnType<typeof gradientKernels> {
  const key = `${shapeName(shape)}, scale ${shape.scale}`;
  let known = kernels.get(key);
  if (!known) kernels.set(key, known = gradientKernels(shape));
  return known;
}

function gradientKernels(shape: MatrixAttentionShape) {
  const define = <const B extends string, const U extends UniformFields>(
    name: string,
    { generator, text, bindings, uniforms }: {
      generator: string;
      text: string;
      bindings: Readonly<Record<B, Access>>;
      uniforms: U;
    },
  ): Kernel<B, U> =>
    defineKernel({
      name: `${name} on matrices ${shapeName(shape)}`,
      code: [FLOAT16, INVOCATION, { name: `kernels/attention/${generator} (generated)`, text }],
      bindings,
      uniforms,
      requires: matrixRequires(shape),
    });
  const outputs: KeyOutputs[] = shape.padded <= MOST_OF_BOTH ? [["dv", "dk"]] : [["dv"], ["dk"]];
  return {
    query: define("attention_backward_query", {
      generator: "matrix_gradient_query_text.ts",
      text: matrixBackwardQuery(shape),
      bindings: matrixQueryBindings,
      uniforms: matrixAttentionUniforms,
    }),
    keys: outputs.map((own) => ({
      key: define(own.length === 1 ? `attention_backward_key for ${own[0]}` : "attention_backward_key", {
        generator: "matrix_gradient_key_text.ts",
        text: matrixBackwardKey(shape, own),
        bindings: matrixKeyBindings,
        uniforms: matrixKeyUniforms,
      }),
      // Scores, and with k the gradients of weights; then a sum for each.
      products: 1 + own.length + Number(own.includes("dk")),
    })),
  };
}
