/** Small safetensors files and Hugging Face folders, made without the code under test. @module */
import { join } from "node:path";

/** A tensor to lay into a file; `bytes` may be anything, also what does not fit. */
export interface RawTensor {
  dtype: string;
  shape: number[];
  bytes: Uint8Array;
}

/** Runs `body` with an empty folder that is removed afterwards. */
export async function withFolder(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await body(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** A file of the given header length, header text and data. */
export function rawSafetensors(header: string, data: Uint8Array, length?: bigint): Uint8Array {
  const text = new TextEncoder().encode(header);
  const file = new Uint8Array(8 + text.length + data.length);
  new DataView(file.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  file.set(text, 8);
  file.set(data, 8 + text.length);
  return file;
}

/** A well-formed file of these tensors. */
export function safetensors(tensors: Record<string, RawTensor>): Uint8Array {
  const header: Record<string, unknown> = {};
  const data: number[] = [];
  for (const [name, { dtype, shape, bytes }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [data.length, data.length + bytes.length] };
    data.push(...bytes);
  }
  return rawSafetensors(JSON.stringify(header), Uint8Array.from(data));
}

/** An F32 tensor whose values count up from `first`. */
export function counting(shape: number[], first: number): RawTensor {
  const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => first + i);
  return { dtype: "F32", shape, bytes: new Uint8Array(values.buffer) };
}

/** A one-layer Llama of hidden size 8, 2 heads and vocabulary 6, in transformers 4's spelling. */
export const TINY_CONFIG: Readonly<Record<string, unknown>> = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  hidden_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  intermediate_size: 12,
  vocab_size: 6,
  hidden_act: "silu",
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  max_position_embeddings: 32,
  bos_token_id: 1,
  eos_token_id: 2,
  tie_word_embeddings: false,
  torch_dtype: "float32",
};

/** The tensors of TINY_CONFIG, F32. */
export function tinyTensors(): Record<string, RawTensor> {
  const layer = "model.layers.0.";
  return {
    "lm_head.weight": counting([6, 8], 100),
    "model.embed_tokens.weight": counting([6, 8], 200),
    [`${layer}input_layernorm.weight`]: counting([8], 300),
    [`${layer}mlp.down_proj.weight`]: counting([8, 12], 400),
    [`${layer}mlp.gate_proj.weight`]: counting([12, 8], 500),
    [`${layer}mlp.up_proj.weight`]: counting([12, 8], 600),
    [`${layer}post_attention_layernorm.weight`]: counting([8], 700),
    [`${layer}self_attn.k_proj.weight`]: counting([4, 8], 800),
    [`${layer}self_attn.o_proj.weight`]: counting([8, 8], 900),
    [`${layer}self_attn.q_proj.weight`]: counting([8, 8], 1000),
    [`${layer}self_attn.v_proj.weight`]: counting([4, 8], 1100),
    "model.norm.weight": counting([8], 1200),
  };
}

/** Writes a model folder: TINY_CONFIG with `config`'s keys, these tensors, and other files by name. */
export async function writeModel(
  dir: string,
  { config = {}, tensors = tinyTensors(), files = {} }: {
    config?: Record<string, unknown>;
    tensors?: Record<string, RawTensor>;
    files?: Record<string, string>;
  } = {},
): Promise<void> {
  await Deno.mkdir(dir, { recursive: true });
  await Deno.writeTextFile(join(dir, "config.json"), JSON.stringify({ ...TINY_CONFIG, ...config }));
  await Deno.writeFile(join(dir, "model.safetensors"), safetensors(tensors));
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(join(dir, name), text);
}

/** Names in a folder, sorted. */
export async function namesIn(dir: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(dir), (entry) => entry.name)).sort();
}
