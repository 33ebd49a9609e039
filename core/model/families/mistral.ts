/** Mistral and Zephyr (transformers' MistralForCausalLM). @module */
import { booleanField, fieldError } from "./config_fields.ts";
import type { Family } from "./family.ts";
import { llamaTensors, readSilu, readSlidingWindow, refuseMlpBias, sameLayers } from "./llama_layers.ts";

/** The family `mistral`. */
export const mistral: Family = {
  modelType: "mistral",
  className: "Mistral",
  defaults: { kvHeads: 8, headDim: null, maxPositions: 131_072, bos: 1, eos: [2] },
  readLayers(fields, sizes) {
    const activation = readSilu(fields);
    const window = readSlidingWindow(fields, 4096);
    if (booleanField(fields, "attention_bias")) throw fieldError(fields, "attention_bias", "false for mistral");
    return sameLayers(fields, {
      ...sizes,
      attention: { window, headNorm: false, bias: { qkv: false, output: false } },
      mlp: { activation, bias: refuseMlpBias(fields, "mistral") },
    });
  },
  tensors: llamaTensors,
};
