/** Llama 2 and 3, TinyLlama, SmolLM2 (transformers' LlamaForCausalLM). @module */
import { booleanField, fieldError } from "./config_fields.ts";
import type { Family } from "./family.ts";
import { llamaTensors, readAttentionBias, readSilu, readSlidingWindow, sameLayers } from "./llama_layers.ts";

/** The family `llama`. */
export const llama: Family = {
  modelType: "llama",
  className: "Llama",
  defaults: { kvHeads: null, headDim: null, maxPositions: 2048, bos: 1, eos: [2] },
  readLayers(fields, sizes) {
    const activation = readSilu(fields);
    const window = readSlidingWindow(fields, null);
    if (window !== null) throw fieldError(fields, "sliding_window", "null for llama");
    return sameLayers(fields, {
      ...sizes,
      attention: { window, headNorm: false, bias: readAttentionBias(fields) },
      mlp: { activation, bias: booleanField(fields, "mlp_bias") },
    });
  },
  tensors: llamaTensors,
};
