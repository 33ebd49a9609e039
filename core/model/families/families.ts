/** All supported architectures. A new one is a file in this folder, and a line here. @module */
import type { Family, ModelConfig } from "./family.ts";
import { llama } from "./llama.ts";
import { mistral } from "./mistral.ts";
import { listTensors, type ModelTensors, type ParameterShape } from "./model_tensors.ts";
import { qwen2 } from "./qwen2.ts";
import { qwen3 } from "./qwen3.ts";

/** All families. */
export const FAMILIES: readonly Family[] = [llama, mistral, qwen2, qwen3];

/** The family of transformers' `model_type`; undefined if it is not supported. */
export function familyOf(modelType: unknown): Family | undefined {
  return FAMILIES.find((family) => family.modelType === modelType);
}

/** A model's tensors, by role. */
export function modelTensors(config: ModelConfig): ModelTensors {
  return familyOf(config.modelType)!.tensors(config);
}

/**
 * All parameters of a model in their canonical order.
 *
 * @example
 * ```ts
 * import { openModelFolder, parameterShapes } from "@dnpo/dnpo/engine";
 * import assert from "node:assert/strict";
 *
 * const { config } = await openModelFolder("examples/quickstart/model");
 * const [embedding] = parameterShapes(config);
 * assert.deepEqual(embedding, { name: "model.embed_tokens.weight", shape: [config.vocabSize, config.hiddenSize] });
 * ```
 */
export function parameterShapes(config: ModelConfig): ParameterShape[] {
  return listTensors(modelTensors(config));
}
