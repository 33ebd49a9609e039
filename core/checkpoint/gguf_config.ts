/** The config.json that the metadata of a GGUF file stands for. @module */
import { UserError } from "../error.ts";
import { inverseFrequencies } from "../model/families/rope_frequencies.ts";
import type { GgufFields } from "./gguf_fields.ts";
import { endTokens } from "./gguf_tokenizer.ts";

/** transformers' class by llama.cpp's architecture. */
const CLASSES: Readonly<Record<string, string>> = { llama: "Llama", qwen2: "Qwen2", qwen3: "Qwen3" };

/** Settings of the architecture that are read, or change nothing. */
const READ = new Set([
  "block_count",
  "context_length",
  "embedding_length",
  "feed_forward_length",
  "attention.head_count",
  "attention.head_count_kv",
  "attention.key_length",
  "attention.value_length",
  "attention.layer_norm_rms_epsilon",
  "rope.dimension_count",
  "rope.freq_base",
  "rope.scaling.type",
  "rope.scaling.factor",
  "rope.scaling.original_context_length",
  "rope.scaling.finetuned",
  "vocab_size",
]);

/** Settings that must have these values, if they are there. */
const NEUTRAL: Readonly<Record<string, unknown>> = {
  expert_count: 0,
  expert_used_count: 0,
  tensor_data_layout: "Meta AI original pth",
  use_parallel_residual: false,
  "attention.causal": true,
};

/** The architecture of a file. Throws a UserError for one that is not read. */
export function ggufArchitecture(fields: GgufFields): string {
  const key = "general.architecture";
  const name = fields.text(key);
  if (name !== undefined && Object.hasOwn(CLASSES, name)) return name;
  throw fields.refuse(key, Object.keys(CLASSES).join(", "));
}

/**
 * The config. `factors` are the values of `rope_freqs.weight`; null if there are none. Throws a UserError naming file
 * and key, also for a setting that dnpo does not know.
 */
export function ggufConfig(fields: GgufFields, factors: Float32Array | null): Record<string, unknown> {
  const architecture = ggufArchitecture(fields);
  const parts = fields.number("split.count") ?? 1;
  if (parts > 1) throw fields.refuse("split.count", "1: join the parts with llama-gguf-split --merge");
  const prefix = `${architecture}.`;
  for (const key of fields.header.metadata.keys()) {
    if (!key.startsWith(prefix)) continue;
    const name = key.slice(prefix.length);
    if (READ.has(name) || (Object.hasOwn(NEUTRAL, name) && fields.value(key) === NEUTRAL[name])) continue;
    throw fields.refuse(key, Object.hasOwn(NEUTRAL, name) ? String(NEUTRAL[name]) : "no such setting");
  }
  const { tensors } = fields.header;
  const number = (name: string): number => fields.needed(prefix + name);
  const [hidden, heads] = [number("embedding_length"), number("attention.head_count")];
  const headDim = fields.number(`${prefix}attention.key_length`) ?? hidden / heads;
  for (const name of ["attention.value_length", "rope.dimension_count"]) {
    if ((fields.number(prefix + name) ?? headDim) !== headDim) throw fields.refuse(prefix + name, `${headDim}`);
  }
  const embedding = tensors.get("token_embd.weight");
  if (embedding === undefined) {
    throw new UserError(`Cannot use ${fields.path}: tensor "token_embd.weight" is missing, expected a whole model`);
  }
  const theta = fields.number(`${prefix}rope.freq_base`) ?? 10_000;
  const ends = endTokens(fields);
  return {
    architectures: [`${CLASSES[architecture]}ForCausalLM`],
    model_type: architecture,
    attention_bias: tensors.has("blk.0.attn_q.bias"),
    bos_token_id: fields.number("tokenizer.ggml.bos_token_id") ?? null,
    eos_token_id: ends.length === 1 ? ends[0] : ends,
    head_dim: headDim,
    hidden_act: "silu",
    hidden_size: hidden,
    intermediate_size: number("feed_forward_length"),
    max_position_embeddings: number("context_length"),
    ...architecture === "llama" && { mlp_bias: tensors.has("blk.0.ffn_gate.bias") },
    num_attention_heads: heads,
    num_hidden_layers: number("block_count"),
    num_key_value_heads: fields.number(`${prefix}attention.head_count_kv`) ?? heads,
    rms_norm_eps: shortest(number("attention.layer_norm_rms_epsilon")),
    rope_theta: shortest(theta),
    rope_scaling: ropeScaling(fields, { prefix, headDim, theta, factors }),
    tie_word_embeddings: !tensors.has("output.weight"),
    vocab_size: embedding.shape[0],
  };
}

/** The number with the fewest digits that float32 rounds to a value: 0.000009999999747378752 is 0.00001. */
function shortest(value: number): number {
  for (let digits = 1; digits < 10; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return short;
  }
  return value;
}

function ropeScaling(
  fields: GgufFields,
  { prefix, headDim, theta, factors }: {
    prefix: string;
    headDim: number;
    theta: number;
    factors: Float32Array | null;
  },
): Record<string, unknown> | null {
  const key = `${prefix}rope.scaling.type`;
  const type = fields.text(key) ?? "none";
  if (type !== "none" && type !== "linear") throw fields.refuse(key, "none or linear");
  const factor = fields.number(`${prefix}rope.scaling.factor`) ?? 1;
  if (factors !== null) {
    if (type === "linear") throw fields.refuse(key, "none beside rope_freqs.weight");
    return llama3Of(fields, { headDim, theta, factors });
  }
  if (type === "none" && factor !== 1) throw fields.refuse(`${prefix}rope.scaling.factor`, "1 without a type");
  return type === "linear" ? { rope_type: "linear", factor: shortest(factor) } : null;
}

/**
 * A file has the factors of Llama 3's frequencies, not what they are made of; that is looked for among usual numbers.
 */
function llama3Of(
  { path }: GgufFields,
  { headDim, theta, factors }: { headDim: number; theta: number; factors: Float32Array },
): Record<string, unknown> {
  const isWhole = 2 * factors.length === headDim;
  const plain = inverseFrequencies({ type: "default", theta }, isWhole ? headDim : 0);
  const factor = shortest(Math.max(...factors));
  for (let original = 32; isWhole && original <= 2 ** 20; original *= 2) {
    const rope = {
      ...{ type: "llama3" as const, theta, factor, lowFreqFactor: 1, highFreqFactor: 4 },
      originalMaxPositionEmbeddings: original,
    };
    const made = inverseFrequencies(rope, headDim);
    if (!factors.every((value, i) => Math.abs(plain[i]! / made[i]! / value - 1) <= 1e-6)) continue;
    return {
      rope_type: "llama3",
      factor,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: original,
    };
  }
  throw new UserError(
    `Cannot use ${path}: "rope_freqs.weight" has other factors than RoPE of type llama3, expected its, with low_freq_factor 1 and high_freq_factor 4`,
  );
}
