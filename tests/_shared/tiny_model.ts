/** A tiny random Llama and rows of token ids, made by the project's own code: no tokenizer, the same every time. @module */
import { saveModelFolder } from "../../core/checkpoint/model_folder.ts";
import { parameterShapes } from "../../core/model/families/families.ts";
import { parseModelConfig } from "../../core/model/families/model_config.ts";

const VOCAB = 37;

/** The config of the tiny model, as it is written. */
export const TINY_CONFIG: Readonly<Record<string, unknown>> = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 24,
  vocab_size: VOCAB,
  hidden_act: "silu",
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  max_position_embeddings: 64,
  bos_token_id: 1,
  eos_token_id: 2,
  tie_word_embeddings: false,
  torch_dtype: "float32",
};

/** Writes the model's folder; `config` has keys over TINY_CONFIG's, `change` may alter a tensor's values before. */
export async function writeTinyModel(
  dir: string,
  { seed = 1, config: keys = {}, change = () => {} }: {
    seed?: number;
    config?: Record<string, unknown>;
    change?: (name: string, values: Float32Array) => void;
  } = {},
): Promise<void> {
  const config = parseModelConfig({ ...TINY_CONFIG, ...keys }, `${dir}/config.json`);
  const uniform = generator(seed);
  const tensors = new Map(
    parameterShapes(config).map(({ name, shape }) => {
      const length = shape.reduce((product, size) => product * size, 1);
      const isNorm = shape.length === 1;
      const scale = isNorm ? 0.2 : name.includes("embed_tokens") ? 1 : 2 / Math.sqrt(shape.at(-1)!);
      const values = Float32Array.from({ length }, () => (isNorm ? 1 : 0) + scale * (2 * uniform() - 1));
      change(name, values);
      return [name, values];
    }),
  );
  await saveModelFolder(dir, {
    source: { config, generationConfig: null, tokenizer: null },
    dtype: "F32",
    tensors: (name) => Promise.resolve(tensors.get(name)!.map((x) => Number.isFinite(x) ? x : 0)),
  });
  // The program itself saves no such numbers, so they are put into its file.
  for (const [tensor, values] of tensors) {
    for (const [at, value] of values.entries()) {
      if (!Number.isFinite(value)) await putValue(`${dir}/model.safetensors`, { tensor, at, value });
    }
  }
}

/** Pairs of token ids; id 36 occurs only where `marked` says so. */
export function tinyPairs(
  count: number,
  { marked = [] }: { marked?: readonly number[] } = {},
): Record<string, number[]>[] {
  const uniform = generator(count + 100);
  const ids = (least: number, most: number): number[] => {
    const length = least + Math.floor(uniform() * (most - least + 1));
    return Array.from({ length }, () => 3 + Math.floor(uniform() * (VOCAB - 4)));
  };
  return Array.from({ length: count }, (_, i) => ({
    prompt_ids: [1, ...ids(2, 5), ...(marked.includes(i) ? [VOCAB - 1] : [])],
    chosen_ids: [...ids(2, 7), 2],
    rejected_ids: [...ids(2, 7), 2],
  }));
}

/** Prompts and answers of token ids. */
export function tinyRows(count: number): Record<string, number[]>[] {
  return tinyPairs(count).map(({ prompt_ids, chosen_ids }) => ({ prompt_ids: prompt_ids!, response_ids: chosen_ids! }));
}

/** Rows as JSON lines. */
export function jsonLines(rows: readonly unknown[]): string {
  return rows.map((row) => JSON.stringify(row) + "\n").join("");
}

/** Uniform numbers in [0, 1) (a linear congruence modulo 2³²). */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Replaces one value of a float32 tensor in a file. */
async function putValue(path: string, { tensor, at, value }: { tensor: string; at: number; value: number }) {
  const bytes = await Deno.readFile(path);
  const view = new DataView(bytes.buffer);
  const length = Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  view.setFloat32(8 + length + header[tensor].data_offsets[0] + 4 * at, value, true);
  await Deno.writeFile(path, bytes);
}
