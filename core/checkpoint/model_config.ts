/** A decoder's config.json, read strictly: a setting that is not supported is an error, never a different model. @module */
import { UserError } from "../error.ts";
import { isRecord, quote } from "../values.ts";
import { booleanField, fieldError, type Fields, integerField, isAbsent, numberField } from "./config_fields.ts";
import { type Dtype, DTYPE_NAMES, dtypeOfName } from "./dtype.ts";
import { parseRope, type RopeConfig } from "./rope_config.ts";

/** The architectures that are supported, by transformers' `model_type`. */
export type ModelType = "llama" | "mistral" | "qwen2" | "qwen3";

/** What a decoder is built from. */
export interface ModelConfig {
  /** The family. */
  modelType: ModelType;
  /** Width of the residual stream. */
  hiddenSize: number;
  /** Decoder layers. */
  numLayers: number;
  /** Query heads. */
  numHeads: number;
  /** Key and value heads; divides `numHeads`. */
  numKvHeads: number;
  /** Width of a head, even; `numHeads · headDim` need not be `hiddenSize`. */
  headDim: number;
  /** Width of the MLP. */
  intermediateSize: number;
  /** Rows of the embedding. */
  vocabSize: number;
  /** Added to the mean square in RMSNorm. */
  rmsNormEps: number;
  /** Rotary position embedding. */
  rope: RopeConfig;
  /** Positions a query sees, its own included; null is all. */
  slidingWindow: number | null;
  /** Whether the q, k and v projections, and the o projection, have biases. */
  attentionBias: { qkv: boolean; o: boolean };
  /** Whether gate, up and down projections have biases. */
  mlpBias: boolean;
  /** Whether q and k pass a per-head RMSNorm before RoPE. */
  qkNorm: boolean;
  /** Whether the LM head is the embedding. */
  tieWordEmbeddings: boolean;
  /** Longest sequence the model was made for, in tokens. */
  maxPositionEmbeddings: number;
  /** Beginning-of-sequence token, if any. */
  bosTokenId: number | null;
  /** End-of-sequence tokens; may be empty. */
  eosTokenIds: number[];
  /** Storage type that the file states, if any; the weights' own is in their headers. */
  dtype: Dtype | null;
  /** The JSON object as it was read. */
  raw: Record<string, unknown>;
}

/** What stands on the decoder, by the end of transformers' class name: an LM head, or a `score` head on one token. */
export type Task = "ForCausalLM" | "ForSequenceClassification";

const TASK_NAMES: Readonly<Record<Task, string>> = {
  ForCausalLM: "a causal language model",
  ForSequenceClassification: "a reward model",
};

/** What transformers assumes where a key is absent. */
interface Family {
  /** What its class names begin with. */
  name: string;
  /** null: as many as query heads, or hidden size / heads, or no window. */
  kvHeads: number | null;
  headDim: number | null;
  slidingWindow: number | null;
  maxPositions: number;
  bos: number | null;
  eos: readonly number[];
}

const FAMILIES: Readonly<Record<ModelType, Family>> = {
  llama: {
    name: "Llama",
    kvHeads: null,
    headDim: null,
    slidingWindow: null,
    maxPositions: 2048,
    bos: 1,
    eos: [2],
  },
  mistral: {
    name: "Mistral",
    kvHeads: 8,
    headDim: null,
    slidingWindow: 4096,
    maxPositions: 131_072,
    bos: 1,
    eos: [2],
  },
  qwen2: {
    name: "Qwen2",
    kvHeads: 32,
    headDim: null,
    slidingWindow: null,
    maxPositions: 32_768,
    bos: null,
    eos: [],
  },
  qwen3: {
    name: "Qwen3",
    kvHeads: 32,
    headDim: 128,
    slidingWindow: null,
    maxPositions: 32_768,
    bos: null,
    eos: [],
  },
};

/** Keys that make another model of the same tensors, with the values that leave it as it is (null always does). */
const UNSUPPORTED: Readonly<Record<string, readonly unknown[]>> = {
  activation_function: ["silu"],
  add_cross_attention: [false],
  alibi: [false],
  attention_chunk_size: [],
  attention_multiplier: [],
  attention_out_bias: [false],
  attn_logit_softcapping: [],
  auto_map: [],
  clip_qkv: [],
  compression_config: [],
  dual_chunk_attention_config: [],
  embedding_multiplier: [1],
  final_logit_softcapping: [],
  is_encoder_decoder: [false],
  logit_scale: [1],
  logits_scaling: [1],
  no_rope_layers: [],
  num_experts: [0],
  num_local_experts: [0],
  original_max_position_embeddings: [],
  partial_rotary_factor: [1],
  pretraining_tp: [1],
  qk_norm: [false],
  quantization_config: [],
  query_pre_attn_scalar: [],
  residual_multiplier: [1],
  rope_interleaved: [false],
  scale_depth: [],
  scale_emb: [1],
  text_config: [],
  use_bias: [false],
  use_dynamic_ntk: [false],
  use_logn_attn: [false],
  use_mrope: [false],
  use_parallel_residual: [false],
  use_qk_norm: [false],
  vision_config: [],
};

/** Largest width accepted: far above any real model, and products of two stay exact. */
const MAX_WIDTH = 2 ** 20;

/**
 * Reads the JSON of a config.json; `where` is its path, for messages. Throws a UserError naming file and key, also where
 * the model is of another task.
 */
export function parseModelConfig(json: unknown, where: string, task: Task = "ForCausalLM"): ModelConfig {
  if (!isRecord(json)) throw new UserError(`Cannot use ${where}: it is ${quote(json)}, expected a JSON object`);
  const fields: Fields = { values: json, where };
  const modelType = parseModelType(fields, task);
  const family = FAMILIES[modelType];
  refuseUnsupported(fields);
  const hiddenSize = integerField(fields, "hidden_size", { min: 1, max: MAX_WIDTH });
  const numLayers = integerField(fields, "num_hidden_layers", { min: 1, max: 1024 });
  const numHeads = integerField(fields, "num_attention_heads", { min: 1, max: 4096 });
  const vocabSize = integerField(fields, "vocab_size", { min: 1, max: 2 ** 24 });
  const slidingWindow = parseSlidingWindow(fields, modelType);
  checkLayerTypes(fields, { numLayers, expected: slidingWindow === null ? "full_attention" : "sliding_attention" });
  const bias = booleanField(fields, "attention_bias");
  if (bias && modelType === "mistral") throw fieldError(fields, "attention_bias", "false for mistral");
  const mlpBias = booleanField(fields, "mlp_bias");
  if (mlpBias && modelType !== "llama") throw fieldError(fields, "mlp_bias", `false for ${modelType}`);
  return {
    modelType,
    hiddenSize,
    numLayers,
    numHeads,
    numKvHeads: parseKvHeads(fields, { numHeads, family }),
    headDim: parseHeadDim(fields, { hiddenSize, numHeads, family }),
    intermediateSize: integerField(fields, "intermediate_size", { min: 1, max: MAX_WIDTH }),
    vocabSize,
    rmsNormEps: numberField(fields, "rms_norm_eps", { min: 1e-20, max: 1, fallback: 1e-6 }),
    rope: parseRope(fields),
    slidingWindow,
    // Qwen2 has its biases whatever the file says: transformers knows no key for them.
    attentionBias: { qkv: modelType === "qwen2" || bias, o: modelType !== "qwen2" && bias },
    mlpBias,
    qkNorm: modelType === "qwen3",
    tieWordEmbeddings: booleanField(fields, "tie_word_embeddings"),
    maxPositionEmbeddings: integerField(fields, "max_position_embeddings", {
      min: 1,
      max: 2 ** 30,
      fallback: family.maxPositions,
    }),
    bosTokenId: Object.hasOwn(json, "bos_token_id")
      ? integerField(fields, "bos_token_id", { min: 0, max: vocabSize - 1, fallback: null })
      : family.bos,
    eosTokenIds: parseEosTokenIds(json.eos_token_id, { where, vocabSize }) ?? [...family.eos],
    dtype: parseDtype(fields),
    raw: json,
  };
}

/** The ids under `eos_token_id`, a number, a list or null; undefined where the key is absent. Throws a UserError. */
export function parseEosTokenIds(
  value: unknown,
  { where, vocabSize }: { where: string; vocabSize: number },
): number[] | undefined {
  if (value === undefined) return undefined;
  if (value === null) return [];
  const ids: unknown[] = Array.isArray(value) ? value : [value];
  if (!ids.every((id): id is number => Number.isInteger(id) && (id as number) >= 0 && (id as number) < vocabSize)) {
    throw new UserError(
      `Cannot use ${where}: "eos_token_id" is ${quote(value)}, expected token ids from 0 to ${vocabSize - 1}`,
    );
  }
  return [...new Set(ids)];
}

function parseModelType(fields: Fields, task: Task): ModelType {
  const { model_type: modelType, architectures } = fields.values;
  if (typeof modelType !== "string" || !Object.hasOwn(FAMILIES, modelType)) {
    throw fieldError(fields, "model_type", `one of ${Object.keys(FAMILIES).join(", ")}`);
  }
  const { name } = FAMILIES[modelType as ModelType];
  const is = (other: Task): boolean =>
    Array.isArray(architectures) && architectures.length === 1 && architectures[0] === name + other;
  if (!isAbsent(fields, "architectures") && !is(task)) {
    const other = (Object.keys(TASK_NAMES) as Task[]).find(is);
    const expected = other === undefined
      ? `for model_type "${modelType}"`
      : `as ${TASK_NAMES[task]} is wanted here, not ${TASK_NAMES[other]}`;
    throw fieldError(fields, "architectures", `["${name}${task}"] ${expected}`);
  }
  return modelType as ModelType;
}

function refuseUnsupported(fields: Fields): void {
  for (const [key, neutral] of Object.entries(UNSUPPORTED)) {
    if (isAbsent(fields, key) || neutral.includes(fields.values[key])) continue;
    throw fieldError(fields, key, `${neutral.length > 0 ? `${neutral[0]} or ` : ""}it absent (not supported)`);
  }
  if (!isAbsent(fields, "hidden_act") && fields.values.hidden_act !== "silu") {
    throw fieldError(fields, "hidden_act", `"silu"`);
  }
}

function parseKvHeads(fields: Fields, { numHeads, family }: { numHeads: number; family: Family }): number {
  const key = "num_key_value_heads";
  const fallback = Object.hasOwn(fields.values, key) ? numHeads : family.kvHeads ?? numHeads;
  const kvHeads = integerField(fields, key, { min: 1, max: numHeads, fallback });
  if (numHeads % kvHeads !== 0) {
    throw fieldError(fields, key, `a divisor of num_attention_heads, ${numHeads}${assumed(fields, key, kvHeads)}`);
  }
  return kvHeads;
}

function parseHeadDim(
  fields: Fields,
  { hiddenSize, numHeads, family }: { hiddenSize: number; numHeads: number; family: Family },
): number {
  const key = "head_dim";
  // Qwen3's default is a number, and null is an error in transformers too.
  if (family.headDim !== null && fields.values[key] === null) throw fieldError(fields, key, "an even number");
  const fallback = family.headDim ?? hiddenSize / numHeads;
  if (isAbsent(fields, key) && !Number.isInteger(fallback)) {
    throw fieldError(fields, "hidden_size", `a multiple of num_attention_heads, ${numHeads}, or a "head_dim"`);
  }
  const headDim = integerField(fields, key, { min: 1, max: 4096, fallback });
  if (headDim % 2 !== 0) throw fieldError(fields, key, `an even number${assumed(fields, key, headDim)}`);
  return headDim;
}

function assumed(fields: Fields, key: string, value: number): string {
  return isAbsent(fields, key) ? ` (${value} is assumed)` : "";
}

function parseSlidingWindow(fields: Fields, modelType: ModelType): number | null {
  const use = booleanField(fields, "use_sliding_window");
  if (modelType === "qwen2" || modelType === "qwen3") {
    if (use) throw fieldError(fields, "use_sliding_window", "false (not supported)");
    return null;
  }
  const fallback = Object.hasOwn(fields.values, "sliding_window") ? null : FAMILIES[modelType].slidingWindow;
  const window = integerField(fields, "sliding_window", { min: 1, max: 2 ** 30, fallback });
  if (modelType === "llama" && window !== null) throw fieldError(fields, "sliding_window", "null for llama");
  if (!isAbsent(fields, "use_sliding_window") && use !== (window !== null)) {
    throw fieldError(fields, "use_sliding_window", `${window !== null}, as "sliding_window" is ${window}`);
  }
  return window;
}

function checkLayerTypes(fields: Fields, { numLayers, expected }: { numLayers: number; expected: string }): void {
  if (isAbsent(fields, "layer_types")) return;
  const types = fields.values.layer_types;
  if (!Array.isArray(types) || types.length !== numLayers || types.some((type) => type !== expected)) {
    throw fieldError(fields, "layer_types", `"${expected}" ${numLayers} times`);
  }
}

function parseDtype(fields: Fields): Dtype | null {
  const key = isAbsent(fields, "dtype") ? "torch_dtype" : "dtype";
  if (isAbsent(fields, key) || fields.values[key] === "auto") return null;
  const dtype = dtypeOfName(fields.values[key]);
  if (dtype === null) throw fieldError(fields, key, DTYPE_NAMES.join(", "));
  return dtype;
}
