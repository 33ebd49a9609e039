/** Qwen2 and Qwen2.5 (transformers' Qwen2ForCausalLM). @module */
import { booleanField } from "./config_fields.ts";
import type { Family } from "./family.ts";
import { llamaTensors, readSilu, refuseMlpBias, refuseSlidingWindow, sameLayers } from "./llama_layers.ts";

/** The family `qwen2`. */
export const qwen2: Family = {
  modelType: "qwen2",
  className: "Qwen2",
  defaults: { kvHeads: 32, headDim: null, maxPositions: 32_768, bos: null, eos: [] },
  readLayers(fields, sizes) {
    const activation = readSilu(fields);
    const window = refuseSlidingWindow(fields);
    // Qwen2 always has these biases: transformers ignores the key. It is read only to refuse what is not a boolean.
    booleanField(fields, "attention_bias");
    return sameLayers(fields, {
      ...sizes,
      attention: { window, headNorm: false, bias: { qkv: true, output: false } },
      mlp: { activation, bias: refuseMlpBias(fields, "qwen2") },
    });
  },
  tensors: llamaTensors,
};
