/**
 * Model folders that have a shape and no weights, for plans: the sizes are those that public models state in their
 * config.json, the tensors a hole in a file, which takes no room on the disk. @module
 */
import { join } from "node:path";
import { parameterShapes } from "../core/model/families/families.ts";
import type { ModelConfig } from "../core/model/families/family.ts";
import { parseModelConfig } from "../core/model/families/model_config.ts";

const QWEN2 = { model_type: "qwen2", vocab_size: 151_936, tie_word_embeddings: true };
const QWEN3 = { model_type: "qwen3", vocab_size: 151_936, head_dim: 128, num_key_value_heads: 8 };
const LLAMA = { model_type: "llama", tie_word_embeddings: false };

/** What config.json says of the sizes of a model. */
export type Shape = Readonly<Record<string, unknown>>;

function sizes(hidden: number, intermediate: number, layers: number, heads: number, kvHeads: number): Shape {
  return {
    hidden_size: hidden,
    intermediate_size: intermediate,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
  };
}

/** Shapes of models, by their names. */
export const SHAPES: Readonly<Record<string, Shape>> = {
  "SmolLM2-135M": { ...LLAMA, ...sizes(576, 1536, 30, 9, 3), vocab_size: 49_152, tie_word_embeddings: true },
  "Qwen2.5-0.5B": { ...QWEN2, ...sizes(896, 4864, 24, 14, 2) },
  "Llama-3.2-1B": { ...LLAMA, ...sizes(2048, 8192, 16, 32, 8), vocab_size: 128_256, tie_word_embeddings: true },
  "Qwen2.5-1.5B": { ...QWEN2, ...sizes(1536, 8960, 28, 12, 2) },
  "Qwen2.5-3B": { ...QWEN2, ...sizes(2048, 11_008, 36, 16, 2) },
  "Qwen3-4B": { ...sizes(2560, 9728, 36, 32, 8), ...QWEN3, tie_word_embeddings: true },
  "Zephyr-7B": { ...sizes(4096, 14_336, 32, 32, 8), model_type: "mistral", vocab_size: 32_000 },
  "Llama-3.1-8B": { ...LLAMA, ...sizes(4096, 14_336, 32, 32, 8), vocab_size: 128_256 },
};

/** The config of a model of a shape, as it is written in `place`. */
export function configOfShape(shape: Shape, place: string): ModelConfig {
  return parseModelConfig(jsonOf(shape), place);
}

function jsonOf(shape: Shape): Record<string, unknown> {
  return { max_position_embeddings: 4096, rms_norm_eps: 1e-5, rope_theta: 10_000, ...shape };
}

/** Writes a model folder of a shape: config.json, and weights in bfloat16 that are zeros. */
export async function writeShape(dir: string, shape: Shape): Promise<void> {
  await Deno.mkdir(dir, { recursive: true });
  await Deno.writeTextFile(join(dir, "config.json"), JSON.stringify(jsonOf(shape)));
  let end = 0;
  const header = Object.fromEntries(
    parameterShapes(configOfShape(shape, join(dir, "config.json"))).map(({ name, shape }) => {
      const begin = end;
      end += 2 * shape.reduce((product, size) => product * size, 1);
      return [name, { dtype: "BF16", shape, data_offsets: [begin, end] }];
    }),
  );
  const text = new TextEncoder().encode(JSON.stringify(header));
  const prefix = new Uint8Array(8);
  new DataView(prefix.buffer).setBigUint64(0, BigInt(text.length), true);
  const path = join(dir, "model.safetensors");
  await Deno.writeFile(path, new Uint8Array([...prefix, ...text]));
  await Deno.truncate(path, 8 + text.length + end);
}
