/** A decoder's config.json, read strictly: an unsupported setting is an error, never a different model. @module */
import { type Dtype, DTYPE_NAMES, dtypeOfName } from "../../dtype.ts";
import { UserError } from "../../error.ts";
import { isRecord, quote } from "../../values.ts";
import { booleanField, fieldError, type Fields, integerField, isAbsent, numberField } from "./config_fields.ts";
import { FAMILIES, familyOf } from "./families.ts";
import type { Family, ModelConfig } from "./family.ts";
import { parseRope } from "./rope_config.ts";

/** The decoder's head, named by the end of transformers' class name: an LM head, or a `score` head on one token. */
export type Task = "ForCausalLM" | "ForSequenceClassification";

const TASK_NAMES: Readonly<Record<Task, string>> = {
  ForCausalLM: "a causal language model",
  ForSequenceClassification: "a reward model",
};

/** Keys that make another model of the same tensors, with the values that change nothing (null never does). */
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

/** Largest accepted width: far above any real model's, while products of two widths stay exact. */
const MAX_WIDTH = 2 ** 20;

/**
 * Reads the JSON of a config.json; `where` is its path, for messages. Throws a UserError naming file and key, also if
 * the model is for another task.
 *
 * @example
 * ```ts
 * import { parseModelConfig } from "@dnpo/dnpo/engine";
 * import assert from "node:assert/strict";
 *
 * const json = JSON.parse(await Deno.readTextFile("examples/quickstart/model/config.json"));
 * const config = parseModelConfig(json, "config.json");
 * assert.equal(config.layers.length, config.numLayers);
 * // Another activation would be another model of the same tensors.
 * assert.throws(() => parseModelConfig({ ...json, hidden_act: "gelu" }, "config.json"), /hidden_act/);
 * ```
 */
export function parseModelConfig(json: unknown, where: string, task: Task = "ForCausalLM"): ModelConfig {
  if (!isRecord(json)) throw new UserError(`Cannot use ${where}: it is ${quote(json)}, expected a JSON object`);
  const fields: Fields = { values: json, where };
  const family = readFamily(fields, task);
  refuseUnsupported(fields);
  const hiddenSize = integerField(fields, "hidden_size", { min: 1, max: MAX_WIDTH });
  const numLayers = integerField(fields, "num_hidden_layers", { min: 1, max: 1024 });
  const numHeads = integerField(fields, "num_attention_heads", { min: 1, max: 4096 });
  const vocabSize = integerField(fields, "vocab_size", { min: 1, max: 2 ** 24 });
  const headDim = readHeadDim(fields, { hiddenSize, numHeads, family });
  return {
    modelType: family.modelType,
    hiddenSize,
    numLayers,
    numHeads,
    numKvHeads: readKvHeads(fields, { numHeads, family }),
    headDim,
    intermediateSize: integerField(fields, "intermediate_size", { min: 1, max: MAX_WIDTH }),
    vocabSize,
    rmsNormEps: numberField(fields, "rms_norm_eps", { min: 1e-20, max: 1, fallback: 1e-6 }),
    rope: parseRope(fields),
    layers: family.readLayers(fields, { numLayers, headDim }),
    tieWordEmbeddings: booleanField(fields, "tie_word_embeddings"),
    maxPositionEmbeddings: integerField(fields, "max_position_embeddings", {
      min: 1,
      max: 2 ** 30,
      fallback: family.defaults.maxPositions,
    }),
    bosTokenId: Object.hasOwn(json, "bos_token_id")
      ? integerField(fields, "bos_token_id", { min: 0, max: vocabSize - 1, fallback: null })
      : family.defaults.bos,
    eosTokenIds: parseEosTokenIds(json.eos_token_id, { where, vocabSize }) ?? [...family.defaults.eos],
    dtype: readDtype(fields),
    raw: json,
  };
}

/** Reads `eos_token_id`: a number, a list or null; undefined if it is absent. Throws a UserError for anything else. */
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

function readFamily(fields: Fields, task: Task): Family {
  const { model_type: modelType, architectures } = fields.values;
  const family = familyOf(modelType);
  if (family === undefined) {
    throw fieldError(fields, "model_type", `one of ${FAMILIES.map((one) => one.modelType).join(", ")}`);
  }
  const { className: name } = family;
  const is = (other: Task): boolean =>
    Array.isArray(architectures) && architectures.length === 1 && architectures[0] === name + other;
  if (!isAbsent(fields, "architectures") && !is(task)) {
    const other = (Object.keys(TASK_NAMES) as Task[]).find(is);
    const expected = other === undefined
      ? `for model_type "${modelType}"`
      : `as ${TASK_NAMES[task]} is wanted here, not ${TASK_NAMES[other]}`;
    throw fieldError(fields, "architectures", `["${name}${task}"] ${expected}`);
  }
  return family;
}

function refuseUnsupported(fields: Fields): void {
  for (const [key, neutral] of Object.entries(UNSUPPORTED)) {
    if (isAbsent(fields, key) || neutral.includes(fields.values[key])) continue;
    throw fieldError(fields, key, `${neutral.length > 0 ? `${neutral[0]} or ` : ""}it absent (not supported)`);
  }
}

function readKvHeads(fields: Fields, { numHeads, family }: { numHeads: number; family: Family }): number {
  const key = "num_key_value_heads";
  const fallback = Object.hasOwn(fields.values, key) ? numHeads : family.defaults.kvHeads ?? numHeads;
  const kvHeads = integerField(fields, key, { min: 1, max: numHeads, fallback });
  if (numHeads % kvHeads !== 0) {
    throw fieldError(fields, key, `a divisor of num_attention_heads, ${numHeads}${assumed(fields, key, kvHeads)}`);
  }
  return kvHeads;
}

function readHeadDim(
  fields: Fields,
  { hiddenSize, numHeads, family }: { hiddenSize: number; numHeads: number; family: Family },
): number {
  const key = "head_dim";
  // Qwen3's default is a number, and transformers rejects null too.
  if (family.defaults.headDim !== null && fields.values[key] === null) throw fieldError(fields, key, "an even number");
  const fallback = family.defaults.headDim ?? hiddenSize / numHeads;
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

function readDtype(fields: Fields): Dtype | null {
  const key = isAbsent(fields, "dtype") ? "torch_dtype" : "dtype";
  if (isAbsent(fields, key) || fields.values[key] === "auto") return null;
  // Doubles are rounded to float32 where they are read.
  if (fields.values[key] === "float64") return "F32";
  const dtype = dtypeOfName(fields.values[key]);
  if (dtype === null) throw fieldError(fields, key, DTYPE_NAMES.join(", "));
  return dtype;
}
