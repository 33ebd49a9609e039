/** Where a backward pass ends: no gradient is needed below the lowest parameter that is trained. @module */
import type { LinearTensors, ModelTensors, ParameterShape } from "./families/model_tensors.ts";
import type { Parameters } from "./parameters.ts";
import type { Block } from "./residual_stream.ts";

/** The last block of a backward pass, which goes from the last layer to the first. */
export interface BackwardEnd {
  /** The block's layer. */
  readonly layer: number;
  /** Which of the layer's blocks it is. */
  readonly block: Block;
  /** Whether its norm, or the embedding below it, is trained too, and needs the gradient at the block's input. */
  readonly needsInput: boolean;
}

/** The end of the backward pass of what is trained; null if that is nothing in or below the layers. */
export function backwardEnd({ embedding, layers }: ModelTensors, parameters: Parameters): BackwardEnd | null {
  const isTrained = ({ name }: ParameterShape): boolean => parameters.get(name).gradient !== null;
  const learns = ({ weights, biases }: LinearTensors): boolean => {
    const { gradient, adapter } = parameters.get(...weights.map(({ name }) => name));
    const hasAdapter = adapter !== null && (adapter.down.gradient ?? adapter.up.gradient) !== null;
    return gradient !== null || hasAdapter || biases.some(isTrained);
  };
  if (isTrained(embedding)) return { layer: 0, block: "attention", needsInput: true };
  for (const [layer, { attentionNorm, qkv, headNorms, output, mlpNorm, gateUp, down }] of layers.entries()) {
    const heads = headNorms === null ? [] : [headNorms.q, headNorms.k];
    const blocks = [
      { block: "attention", norm: attentionNorm, learning: learns(qkv) || learns(output) || heads.some(isTrained) },
      { block: "mlp", norm: mlpNorm, learning: learns(gateUp) || learns(down) },
    ] as const;
    for (const { block, norm, learning } of blocks) {
      if (isTrained(norm)) return { layer, block, needsInput: true };
      if (learning) return { layer, block, needsInput: false };
    }
  }
  return null;
}
