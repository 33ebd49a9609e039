/** Qwen3 (transformers' Qwen3ForCausalLM): RMSNorm on the heads of q and k. @module */
import type { Family } from "./family.ts";
import {
  llamaTensors,
  readAttentionBias,
  readSilu,
  refuseMlpBias,
  refuseSlidingWindow,
  sameLayers,
} from "./llama_layers.ts";

/** The family `qwen3`. */
export const qwen3: Family = {
  modelType: "qwen3",
  className: "Qwen3",
  defaults: { kvHeads: 32, headDim: 128, maxPositions: 32_768, bos: null, eos: [] },
  readLayers(fields, sizes) {
    const activation = readSilu(fields);
    const window = refuseSlidingWindow(fields);
    return sameLayers(fields, {
      ...sizes,
      attention: { window, headNorm: true, bias: readAttentionBias(fields) },
      mlp: { activation, bias: refuseMlpBias(fields, "qwen3") },
    });
  },
  tensors: llamaTensors,
};
