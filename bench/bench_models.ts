/** Llamas with weights by formula, saved and loaded by the project's own code. @module */
import { join } from "node:path";
import { saveModelFolder } from "../core/checkpoint/model_folder.ts";
import { parameterShapes } from "../core/model/families/families.ts";
import type { ModelConfig } from "../core/model/families/family.ts";
import { parseModelConfig } from "../core/model/families/model_config.ts";
import { loadModel, type Model } from "../core/model/model.ts";
import { ParameterBuffers } from "../core/model/parameter_buffers.ts";
import type { Context, JaxModel } from "./bench_types.ts";
import { uniform } from "./values.ts";

/** Sizes of a Llama. */
export interface LlamaSizes {
  hidden: number;
  layers: number;
  heads: number;
  kvHeads: number;
  intermediate: number;
  vocab: number;
  tied: boolean;
}

/** About 10 million parameters. */
export const LLAMA_10M: LlamaSizes = {
  hidden: 320,
  layers: 6,
  heads: 5,
  kvHeads: 5,
  intermediate: 864,
  vocab: 4096,
  tied: false,
};

/** About 98 million parameters. */
export const LLAMA_98M: LlamaSizes = {
  hidden: 768,
  layers: 12,
  heads: 12,
  kvHeads: 12,
  intermediate: 2048,
  vocab: 16_384,
  tied: true,
};

/** The sizes of stories260K. */
export const STORIES: LlamaSizes = {
  hidden: 64,
  layers: 5,
  heads: 8,
  kvHeads: 4,
  intermediate: 172,
  vocab: 512,
  tied: true,
};

const EPS = 1e-5;
const THETA = 10_000;

/** The config of a Llama. */
export function llamaConfig(sizes: LlamaSizes): ModelConfig {
  return parseModelConfig({
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    hidden_size: sizes.hidden,
    num_hidden_layers: sizes.layers,
    num_attention_heads: sizes.heads,
    num_key_value_heads: sizes.kvHeads,
    intermediate_size: sizes.intermediate,
    vocab_size: sizes.vocab,
    hidden_act: "silu",
    rms_norm_eps: EPS,
    rope_theta: THETA,
    max_position_embeddings: 4096,
    bos_token_id: 1,
    eos_token_id: 2,
    tie_word_embeddings: sizes.tied,
    torch_dtype: "float32",
  }, "config.json");
}

/** Name, shape, scale and offset of each parameter's formula; its seed is the model's plus its place in the list. */
function parameterFormulas(
  config: ModelConfig,
): [name: string, shape: readonly number[], scale: number, offset: number][] {
  return parameterShapes(config).map(({ name, shape }) => {
    if (shape.length === 1) return [name, shape, 0.2, 1];
    return [name, shape, name.includes("embed_tokens") && !config.tieWordEmbeddings ? 2 : 2 / Math.sqrt(shape[1]!), 0];
  });
}

/** The model's config and parameters as peers/torch_peer.py reads them. */
export function torchModel(config: ModelConfig): Record<string, unknown> {
  const { numLayers: layers, numHeads: heads, headDim: head_dim } = config;
  return { config: { layers, heads, head_dim, eps: EPS, theta: THETA }, parameters: parameterFormulas(config) };
}

/** The model, and the reference of {@linkcode openReference}, as jax-js builds them. */
export function jaxModel(config: ModelConfig): JaxModel {
  const { numLayers: layers, numHeads: heads, numKvHeads: kvHeads, headDim } = config;
  const formulas = parameterFormulas(config);
  const read = (seed: number) => (i: number) => values(config, seed)(formulas[i]![0]);
  return {
    config: { layers, heads, kvHeads, headDim, eps: EPS, theta: THETA },
    formulas,
    policy: read(0),
    reference: read(REFERENCE_SEED),
  };
}

function values(config: ModelConfig, seed: number): (name: string) => Float32Array<ArrayBuffer> {
  const formulas = new Map(parameterFormulas(config).map((formula, i) => [formula[0], { formula, i }]));
  return (name) => {
    const { formula: [, shape, scale, offset], i } = formulas.get(name)!;
    return uniform(shape.reduce((product, size) => product * size, 1), { seed: seed + i, scale, offset });
  };
}

/** Writes the model's folder into the context's, once, and returns its path. */
export async function modelFolder({ folder }: Context, sizes: LlamaSizes): Promise<string> {
  const dir = join(folder, Object.values(sizes).join("-"));
  const there = await Deno.stat(dir).then(() => true, () => false);
  if (there) return dir;
  const config = llamaConfig(sizes);
  const read = values(config, 0);
  await saveModelFolder(dir, {
    source: { config, generationConfig: null, tokenizer: null },
    dtype: "F32",
    tensors: (name) => Promise.resolve(read(name)),
  });
  return dir;
}

/** A model on the device; free its weights. */
export async function openModel(context: Context, sizes: LlamaSizes): Promise<Model> {
  return await loadModel(context.device, await modelFolder(context, sizes));
}

/** Seed of the reference's weights: another model than the policy, so that the loss says something. */
export const REFERENCE_SEED = 1000;

/** The reference of `model`. */
export function openReference({ device }: Context, { config, weights }: Model): ParameterBuffers {
  const reference = new ParameterBuffers(device, { layout: weights.layout, label: "reference", part: "reference" });
  const read = values(config, REFERENCE_SEED);
  for (const { name } of parameterShapes(config)) reference.write(name, read(name));
  return reference;
}

/** Number of parameters. */
export function parameterCount(config: ModelConfig): number {
  return parameterShapes(config).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
}

/** Model FLOP, in 10⁹, of one forward pass over `sequences` of `length` tokens, all scored: products and attention. */
export function forwardGflop(
  config: ModelConfig,
  { sequences, length }: { sequences: number; length: number },
): number {
  const { numLayers, numHeads, headDim, vocabSize, hiddenSize } = config;
  const matrices = parameterShapes(config).filter(({ name, shape }) =>
    shape.length > 1 && name.startsWith("model.layers")
  )
    .reduce((sum, { shape }) => sum + shape[0]! * shape[1]!, 0);
  const perToken = 2 * (matrices + vocabSize * hiddenSize);
  // Causal: half of q·kᵀ and half of the product with v.
  const attention = numLayers * 2 * length ** 2 * numHeads * headDim;
  return 1e-9 * sequences * (length * perToken + attention);
}
