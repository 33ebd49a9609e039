import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { UserError } from "../../../../core/error.ts";
import { parameterShapes } from "../../../../core/model/families/families.ts";
import type { AttentionSpec, LayerSpec, ModelConfig } from "../../../../core/model/families/family.ts";
import { parseModelConfig } from "../../../../core/model/families/model_config.ts";

const windows = ({ layers }: ModelConfig): (number | null)[] => layers.map((layer) => layer.attention.window);
const biases = ({ layers }: ModelConfig): AttentionSpec["bias"][] => layers.map((layer) => layer.attention.bias);
const both = { qkv: true, output: true };
const neither = { qkv: false, output: false };

/** Layers of one kind: llama's, where `attention` says nothing else. */
function layersOf(count: number, attention: Partial<AttentionSpec>): LayerSpec[] {
  return Array.from({ length: count }, () => ({
    norms: "pre",
    attention: { window: null, scale: 1, headNorm: false, bias: neither, ...attention },
    mlp: { activation: "silu", bias: false },
  }));
}

/** Llama 3.2 1B's sizes, transformers 4's spelling. */
const LLAMA3 = {
  architectures: ["LlamaForCausalLM"],
  attention_bias: false,
  attention_dropout: 0.0,
  bos_token_id: 128000,
  eos_token_id: [128001, 128008, 128009],
  head_dim: 64,
  hidden_act: "silu",
  hidden_size: 2048,
  initializer_range: 0.02,
  intermediate_size: 8192,
  max_position_embeddings: 131072,
  mlp_bias: false,
  model_type: "llama",
  num_attention_heads: 32,
  num_hidden_layers: 16,
  num_key_value_heads: 8,
  pretraining_tp: 4,
  rms_norm_eps: 1e-5,
  rope_scaling: {
    factor: 32.0,
    high_freq_factor: 4.0,
    low_freq_factor: 1.0,
    original_max_position_embeddings: 8192,
    rope_type: "llama3",
  },
  rope_theta: 500000.0,
  tie_word_embeddings: true,
  torch_dtype: "bfloat16",
  use_cache: true,
  vocab_size: 128256,
};

/** Only what every family needs. */
const SIZES = {
  hidden_size: 64,
  intermediate_size: 172,
  num_attention_heads: 8,
  num_hidden_layers: 2,
  vocab_size: 512,
};
const llama = { ...SIZES, model_type: "llama" };
const mistral = { ...SIZES, model_type: "mistral" };
const qwen2 = { ...SIZES, model_type: "qwen2", num_key_value_heads: 2 };
const qwen3 = { ...SIZES, model_type: "qwen3", num_key_value_heads: 2 };

const parse = (json: unknown) => parseModelConfig(json, "dir/config.json");

Deno.test("parseModelConfig() reads Llama 3.2 in transformers 4's spelling", () => {
  deepStrictEqual(parse(LLAMA3), {
    modelType: "llama",
    hiddenSize: 2048,
    numLayers: 16,
    numHeads: 32,
    numKvHeads: 8,
    headDim: 64,
    intermediateSize: 8192,
    vocabSize: 128256,
    rmsNormEps: 1e-5,
    rope: {
      type: "llama3",
      theta: 500000,
      factor: 32,
      lowFreqFactor: 1,
      highFreqFactor: 4,
      originalMaxPositionEmbeddings: 8192,
    },
    layers: layersOf(16, { scale: 1 / 8 }),
    tieWordEmbeddings: true,
    maxPositionEmbeddings: 131072,
    bosTokenId: 128000,
    eosTokenIds: [128001, 128008, 128009],
    dtype: "BF16",
    raw: LLAMA3,
  });
});

Deno.test("parseModelConfig() reads transformers 5's spelling as the same model", () => {
  const { rope_theta, rope_scaling, torch_dtype, ...rest } = LLAMA3;
  const five = { ...rest, dtype: torch_dtype, rope_parameters: { ...rope_scaling, rope_theta } };
  deepStrictEqual({ ...parse(five), raw: null }, { ...parse(LLAMA3), raw: null });
  const both = { ...LLAMA3, rope_parameters: { ...rope_scaling, rope_theta } };
  deepStrictEqual(parse(both).rope, parse(LLAMA3).rope);
});

Deno.test("parseModelConfig() takes transformers' defaults where keys are absent", () => {
  const common = { hiddenSize: 64, numLayers: 2, numHeads: 8, headDim: 8, intermediateSize: 172, vocabSize: 512 };
  const rest = {
    rmsNormEps: 1e-6,
    rope: { type: "default", theta: 10000 },
    tieWordEmbeddings: false,
    dtype: null,
  };
  const scale = 1 / Math.sqrt(8);
  const one = { bosTokenId: 1, eosTokenIds: [2] };
  const nothing = { bosTokenId: null, eosTokenIds: [] };
  deepStrictEqual(parse(llama), {
    ...{ modelType: "llama", ...common, ...rest, numKvHeads: 8, layers: layersOf(2, { scale }) },
    ...{ maxPositionEmbeddings: 2048, ...one, raw: llama },
  });
  deepStrictEqual(parse(mistral), {
    ...{ modelType: "mistral", ...common, ...rest, numKvHeads: 8, layers: layersOf(2, { scale, window: 4096 }) },
    ...{ maxPositionEmbeddings: 131072, ...one, raw: mistral },
  });
  deepStrictEqual(parse(qwen2), {
    ...{ modelType: "qwen2", ...common, ...rest, numKvHeads: 2 },
    ...{
      layers: layersOf(2, { scale, bias: { qkv: true, output: false } }),
      maxPositionEmbeddings: 32768,
      ...nothing,
      raw: qwen2,
    },
  });
  deepStrictEqual(parse(qwen3), {
    ...{ modelType: "qwen3", ...common, ...rest, headDim: 128, numKvHeads: 2 },
    ...{
      layers: layersOf(2, { headNorm: true, scale: 1 / Math.sqrt(128) }),
      maxPositionEmbeddings: 32768,
      ...nothing,
      raw: qwen3,
    },
  });
});

Deno.test("parseModelConfig() takes doubles for float32, to which they are rounded", () => {
  for (const key of ["dtype", "torch_dtype"]) {
    const { torch_dtype: _, ...rest } = LLAMA3;
    strictEqual(parseModelConfig({ ...rest, [key]: "float64" }, "config.json").dtype, "F32");
  }
});

Deno.test("parseModelConfig() reads null as transformers does", () => {
  strictEqual(parse({ ...mistral, num_key_value_heads: null }).numKvHeads, 8);
  strictEqual(parse({ ...mistral, num_attention_heads: 16, num_key_value_heads: null }).numKvHeads, 16);
  strictEqual(parse({ ...mistral, num_attention_heads: 16 }).numKvHeads, 8);
  deepStrictEqual(windows(parse({ ...mistral, sliding_window: null })), [null, null]);
  strictEqual(parse({ ...llama, head_dim: null }).headDim, 8);
  deepStrictEqual(parse({ ...llama, eos_token_id: null, bos_token_id: null }).eosTokenIds, []);
  strictEqual(parse({ ...llama, bos_token_id: null }).bosTokenId, null);
  deepStrictEqual(parse({ ...llama, rope_scaling: null }).rope, { type: "default", theta: 10000 });
});

Deno.test("parseModelConfig() reads windows, biases and linear RoPE in their spellings", () => {
  deepStrictEqual(windows(parse({ ...mistral, sliding_window: 7 })), [7, 7]);
  const window = { sliding_window: 7, layer_types: ["sliding_attention", "sliding_attention"] };
  deepStrictEqual(windows(parse({ ...mistral, ...window })), [7, 7]);
  const unused = { use_sliding_window: false, sliding_window: 4096, max_window_layers: 1 };
  deepStrictEqual(windows(parse({ ...qwen2, ...unused, layer_types: ["full_attention", "full_attention"] })), [
    null,
    null,
  ]);
  deepStrictEqual(biases(parse({ ...llama, attention_bias: true, mlp_bias: true })), [both, both]);
  deepStrictEqual(biases(parse({ ...qwen3, attention_bias: true })), [both, both]);
  const linear = { type: "linear", theta: 10000, factor: 4 };
  deepStrictEqual(parse({ ...llama, rope_scaling: { type: "linear", factor: 4 } }).rope, linear);
  deepStrictEqual(parse({ ...llama, rope_scaling: { rope_type: "linear", type: "linear", factor: 4.0 } }).rope, linear);
  const theta = { rope_theta: 500, rope_type: "default", partial_rotary_factor: 1.0 };
  deepStrictEqual(parse({ ...llama, rope_parameters: theta }).rope, { type: "default", theta: 500 });
});

const LLAMA3_ROPE = LLAMA3.rope_scaling;

/** Base, what is changed, and the key and expectation that the message names. */
const REFUSED: [object, Record<string, unknown>, RegExp][] = [
  [llama, { model_type: "gpt2" }, /"model_type" is "gpt2", expected one of llama, mistral, qwen2, qwen3/],
  [llama, { model_type: undefined }, /"model_type" is missing/],
  [llama, { model_type: "toString" }, /"model_type" is "toString"/],
  [
    llama,
    { architectures: ["LlamaForSequenceClassification"] },
    /"architectures" is .*expected \["LlamaForCausalLM"\]/,
  ],
  [llama, { architectures: "LlamaForCausalLM" }, /"architectures"/],
  [llama, { architectures: [] }, /"architectures" is \[\]/],
  [llama, { hidden_size: 0 }, /"hidden_size" is 0, expected an integer from 1 to/],
  [llama, { hidden_size: 64.5 }, /"hidden_size" is 64\.5/],
  [llama, { hidden_size: "64" }, /"hidden_size" is "64"/],
  [llama, { hidden_size: 1e18 }, /"hidden_size" is 1000000000000000000, expected an integer from 1 to 1048576/],
  [llama, { hidden_size: null }, /"hidden_size" is null/],
  [llama, { num_hidden_layers: 1e6 }, /"num_hidden_layers" is 1000000, expected an integer from 1 to 1024/],
  [llama, { num_attention_heads: -8 }, /"num_attention_heads" is -8/],
  [llama, { num_attention_heads: 7 }, /"hidden_size" is 64, expected a multiple of num_attention_heads, 7/],
  [llama, { num_key_value_heads: 3 }, /"num_key_value_heads" is 3, expected a divisor of num_attention_heads, 8/],
  [llama, { num_key_value_heads: 16 }, /"num_key_value_heads" is 16, expected an integer from 1 to 8/],
  [{ ...qwen2, num_key_value_heads: undefined }, {}, /"num_key_value_heads" is missing, .* 8 \(32 is assumed\)/],
  [llama, { head_dim: 7 }, /"head_dim" is 7, expected an even number/],
  [llama, { hidden_size: 56 }, /"head_dim" is missing, expected an even number \(7 is assumed\)/],
  [qwen3, { head_dim: null }, /"head_dim" is null/],
  [llama, { vocab_size: 0 }, /"vocab_size" is 0/],
  [llama, { intermediate_size: -1 }, /"intermediate_size" is -1/],
  [llama, { max_position_embeddings: 0 }, /"max_position_embeddings" is 0/],
  [llama, { rms_norm_eps: 0 }, /"rms_norm_eps" is 0, expected a number/],
  [llama, { rms_norm_eps: "1e-5" }, /"rms_norm_eps" is "1e-5"/],
  [llama, { hidden_act: "gelu" }, /"hidden_act" is "gelu", expected "silu"/],
  [llama, { tie_word_embeddings: "false" }, /"tie_word_embeddings" is "false", expected true or false/],
  [llama, { bos_token_id: 512 }, /"bos_token_id" is 512, expected an integer from 0 to 511/],
  [llama, { eos_token_id: [2, -1] }, /"eos_token_id" is \[2,-1\], expected token ids from 0 to 511/],
  [llama, { eos_token_id: "2" }, /"eos_token_id" is "2"/],
  [llama, { torch_dtype: "float8_e4m3fn" }, /"torch_dtype" is "float8_e4m3fn", expected float32, float16, bfloat16/],
  [llama, { dtype: 16 }, /"dtype" is 16/],
  [llama, { partial_rotary_factor: 0.5 }, /"partial_rotary_factor" is 0\.5/],
  [llama, { quantization_config: { bits: 4 } }, /"quantization_config" is \{"bits":4\}, expected it absent/],
  [llama, { auto_map: { AutoModel: "m.M" } }, /"auto_map"/],
  [llama, { final_logit_softcapping: 30 }, /"final_logit_softcapping" is 30/],
  [llama, { num_experts: 8 }, /"num_experts" is 8/],
  [llama, { rope_interleaved: true }, /"rope_interleaved" is true, expected false/],
  [llama, { sliding_window: 4096 }, /"sliding_window" is 4096, expected null for llama/],
  [llama, { layer_types: ["full_attention", "sliding_attention"] }, /"layer_types" is .*"full_attention" 2 times/],
  [llama, { layer_types: ["full_attention"] }, /"layer_types"/],
  [mistral, { attention_bias: true }, /"attention_bias" is true, expected false for mistral/],
  [mistral, { mlp_bias: true }, /"mlp_bias" is true/],
  [mistral, { sliding_window: 0 }, /"sliding_window" is 0/],
  [mistral, { use_sliding_window: false }, /"use_sliding_window" is false, expected true, as "sliding_window" is 4096/],
  [qwen2, { use_sliding_window: true }, /"use_sliding_window" is true, expected false/],
  [qwen3, { use_sliding_window: true, sliding_window: null }, /"use_sliding_window" is true/],
  [qwen2, { use_mrope: true }, /"use_mrope" is true/],
  [llama, { rope_theta: 0 }, /"rope_theta" is 0/],
  [llama, { rope_scaling: "linear" }, /"rope_scaling" is "linear", expected an object or null/],
  [llama, { rope_scaling: { type: "dynamic", factor: 2 } }, /"rope_scaling\.type" is "dynamic", expected "default"/],
  [llama, { rope_scaling: { rope_type: "yarn", factor: 2 } }, /"rope_scaling\.rope_type" is "yarn"/],
  [llama, { rope_scaling: { rope_type: "linear", type: "llama3", factor: 2 } }, /"rope_scaling\.type" is "llama3"/],
  [llama, { rope_scaling: { type: "linear" } }, /"rope_scaling\.factor" is missing, expected a number/],
  [llama, { rope_scaling: { type: "linear", factor: 0.5 } }, /"rope_scaling\.factor" is 0\.5/],
  [llama, { rope_scaling: { type: "linear", factor: 2, beta_fast: 32 } }, /"rope_scaling\.beta_fast" is 32, .*absent/],
  [llama, { rope_parameters: { rope_type: "default", factor: 2 } }, /"rope_parameters\.factor" is 2/],
  [llama, { rope_parameters: { full_attention: { rope_theta: 1e4 } } }, /"rope_parameters\.full_attention"/],
  [llama, { rope_parameters: { partial_rotary_factor: 0.5 } }, /"rope_parameters\.partial_rotary_factor" is 0\.5/],
  [llama, { rope_theta: 5, rope_parameters: { rope_theta: 6 } }, /"rope_parameters\.rope_theta" is 6, expected 5/],
  [llama, { rope_scaling: { type: "linear", factor: 2 }, rope_parameters: { rope_type: "default" } }, /"rope_scaling"/],
  [llama, { rope_scaling: { ...LLAMA3_ROPE, high_freq_factor: 1 } }, /high_freq_factor" is 1, expected more than/],
  [
    llama,
    { rope_scaling: { ...LLAMA3_ROPE, original_max_position_embeddings: null } },
    /"rope_scaling\.original_max_position_embeddings" is null/,
  ],
];

Deno.test("parseModelConfig() names file, key, what is and what should be", () => {
  for (const [base, change, message] of REFUSED) {
    const json = JSON.parse(JSON.stringify({ ...base, ...change }));
    throws(() => parse(json), (error) => {
      ok(error instanceof UserError, `${JSON.stringify(change)}: ${error}`);
      ok(error.message.startsWith("Cannot use dir/config.json: "), error.message);
      ok(message.test(error.message), `${JSON.stringify(change)}: ${error.message}`);
      return true;
    });
  }
  for (const json of [null, 1, "x", [], undefined]) throws(() => parse(json), /expected a JSON object/);
});

Deno.test("parseModelConfig() gives a one-line UserError or a consistent config for any value under any key", () => {
  const value = fc.oneof(fc.jsonValue(), fc.integer({ min: -1, max: 64 }), fc.constantFrom(1e308, -0, 2 ** 53, "silu"));
  const property = fc.property(fc.constantFrom(...Object.keys(LLAMA3)), value, (key, mutated) => {
    try {
      const config = parse({ ...LLAMA3, [key]: mutated });
      strictEqual(config.numHeads % config.numKvHeads, 0);
      strictEqual(config.headDim % 2, 0);
      for (const { shape } of parameterShapes(config)) {
        ok(shape.every((size) => Number.isSafeInteger(size) && size > 0));
      }
    } catch (error) {
      ok(error instanceof UserError, String(error));
      ok(!/[\n\r]/.test(error.message), error.message);
    }
  });
  fc.assert(property, { seed: 1, numRuns: 1000 });
});

Deno.test("parameterShapes() gives Hugging Face's names in canonical order", () => {
  const tiny = { ...SIZES, num_hidden_layers: 1, num_key_value_heads: 2 };
  const p = "model.layers.0.";
  const shapes = (json: unknown) => parameterShapes(parse(json)).map(({ name, shape }) => `${name} ${shape.join("x")}`);
  deepStrictEqual(shapes({ ...tiny, model_type: "llama" }), [
    "model.embed_tokens.weight 512x64",
    `${p}input_layernorm.weight 64`,
    `${p}self_attn.q_proj.weight 64x64`,
    `${p}self_attn.k_proj.weight 16x64`,
    `${p}self_attn.v_proj.weight 16x64`,
    `${p}self_attn.o_proj.weight 64x64`,
    `${p}post_attention_layernorm.weight 64`,
    `${p}mlp.gate_proj.weight 172x64`,
    `${p}mlp.up_proj.weight 172x64`,
    `${p}mlp.down_proj.weight 64x172`,
    "model.norm.weight 64",
    "lm_head.weight 512x64",
  ]);
  deepStrictEqual(shapes({ ...tiny, model_type: "qwen3", head_dim: 12, tie_word_embeddings: true }), [
    "model.embed_tokens.weight 512x64",
    `${p}input_layernorm.weight 64`,
    `${p}self_attn.q_proj.weight 96x64`,
    `${p}self_attn.k_proj.weight 24x64`,
    `${p}self_attn.v_proj.weight 24x64`,
    `${p}self_attn.o_proj.weight 64x96`,
    `${p}self_attn.q_norm.weight 12`,
    `${p}self_attn.k_norm.weight 12`,
    `${p}post_attention_layernorm.weight 64`,
    `${p}mlp.gate_proj.weight 172x64`,
    `${p}mlp.up_proj.weight 172x64`,
    `${p}mlp.down_proj.weight 64x172`,
    "model.norm.weight 64",
  ]);
  const biases = (json: unknown) =>
    shapes(json).filter((line) => line.includes(".bias ")).map((line) => line.slice(15));
  deepStrictEqual(biases({ ...tiny, model_type: "qwen2" }), [
    "self_attn.q_proj.bias 64",
    "self_attn.k_proj.bias 16",
    "self_attn.v_proj.bias 16",
  ]);
  deepStrictEqual(biases({ ...tiny, model_type: "llama", attention_bias: true, mlp_bias: true }), [
    "self_attn.q_proj.bias 64",
    "self_attn.k_proj.bias 16",
    "self_attn.v_proj.bias 16",
    "self_attn.o_proj.bias 64",
    "mlp.gate_proj.bias 172",
    "mlp.up_proj.bias 172",
    "mlp.down_proj.bias 64",
  ]);
});
