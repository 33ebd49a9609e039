/** The tensors a config implies, by their Hugging Face names. @module */
import type { ModelConfig } from "./model_config.ts";

/** Name and shape of a parameter. */
export interface ParameterShape {
  /** Hugging Face name. */
  name: string;
  /** Sizes; a projection's weight is [out, in]. */
  shape: number[];
}

/** All parameters in their canonical order: embedding, layers, last norm, and the LM head where it is not tied. */
export function parameterShapes(config: ModelConfig): ParameterShape[] {
  const { hiddenSize, headDim, vocabSize } = config;
  const parameters: ParameterShape[] = [];
  const vector = (name: string, size: number) => parameters.push({ name, shape: [size] });
  const matrix = (name: string, rows: number, columns: number) => parameters.push({ name, shape: [rows, columns] });
  const linear = (name: string, [rows, columns]: readonly [number, number], bias: boolean) => {
    matrix(`${name}.weight`, rows, columns);
    if (bias) vector(`${name}.bias`, rows);
  };
  const { qkv, o } = config.attentionBias;
  const heads = config.numHeads * headDim;
  const kvHeads = config.numKvHeads * headDim;

  matrix("model.embed_tokens.weight", vocabSize, hiddenSize);
  for (let layer = 0; layer < config.numLayers; layer++) {
    const prefix = `model.layers.${layer}`;
    vector(`${prefix}.input_layernorm.weight`, hiddenSize);
    linear(`${prefix}.self_attn.q_proj`, [heads, hiddenSize], qkv);
    linear(`${prefix}.self_attn.k_proj`, [kvHeads, hiddenSize], qkv);
    linear(`${prefix}.self_attn.v_proj`, [kvHeads, hiddenSize], qkv);
    linear(`${prefix}.self_attn.o_proj`, [hiddenSize, heads], o);
    if (config.qkNorm) {
      vector(`${prefix}.self_attn.q_norm.weight`, headDim);
      vector(`${prefix}.self_attn.k_norm.weight`, headDim);
    }
    vector(`${prefix}.post_attention_layernorm.weight`, hiddenSize);
    linear(`${prefix}.mlp.gate_proj`, [config.intermediateSize, hiddenSize], config.mlpBias);
    linear(`${prefix}.mlp.up_proj`, [config.intermediateSize, hiddenSize], config.mlpBias);
    linear(`${prefix}.mlp.down_proj`, [hiddenSize, config.intermediateSize], config.mlpBias);
  }
  vector("model.norm.weight", hiddenSize);
  if (!config.tieWordEmbeddings) matrix("lm_head.weight", vocabSize, hiddenSize);
  return parameters;
}
