/** config.json and generation_config.json that do not say what a model is. @module */
import { join } from "node:path";
import fc from "fast-check";
import { openModelFolder } from "../../../../core/checkpoint/model_folder.ts";
import { type Case, passesOrRefuses, refuseAll } from "../../../_shared/refusal.ts";
import { TINY_CONFIG, withFolder, writeModel } from "../../checkpoint/_fixtures.ts";

const json = (value: unknown): string => JSON.stringify(value);
const withKeys = (keys: Record<string, unknown>): string => json({ ...TINY_CONFIG, ...keys });
const without = (key: string): string => withKeys({ [key]: undefined });
/** The same file with a key's value spelled as `text`. */
const spelled = (key: string, text: string): string =>
  json({ ...TINY_CONFIG, [key]: "PLACE" }).replace('"PLACE"', text);

const SIZES = [
  "hidden_size",
  "num_hidden_layers",
  "num_attention_heads",
  "num_key_value_heads",
  "intermediate_size",
  "vocab_size",
] as const;
/** What must be there: the others have defaults. */
const REQUIRED = SIZES.filter((key) => key !== "num_key_value_heads");
const key = (name: string): RegExp => new RegExp(`config\\.json: "${name}" is .+, expected `);

const CONFIGS: Case<string | Uint8Array>[] = [
  ["nothing", "", /config\.json: it is not JSON/],
  ["no JSON", "model_type: llama", /config\.json: it is not JSON/],
  ["half of it", json(TINY_CONFIG).slice(0, 100), /config\.json: it is not JSON/],
  ["no UTF-8", new Uint8Array([0x7b, 0xff, 0x7d]), /config\.json: it is not UTF-8/],
  [
    "UTF-16",
    new Uint8Array(new Uint16Array([...'{"a":1}'].map((c) => c.charCodeAt(0))).buffer),
    /config\.json: it is not/,
  ],
  ["a list", "[]", /config\.json: it is \[\]/],
  ["null", "null", /config\.json: it is null/],
  ["a number", "1", /config\.json: it is 1/],
  ["an empty object", "{}", key("model_type")],
  ["brackets without end", "[".repeat(200_000), /config\.json: it is not JSON/],
  ["17 MB", `{"a":"${"x".repeat(17 << 20)}"}`, /config\.json: it has \d+ bytes, expected at most/],
  ...REQUIRED.map((name): Case<string> => [`no ${name}`, without(name), key(name)]),
  ...SIZES.flatMap((name) =>
    [0, -1, 1.5, 2 ** 31, 1e300, "8", true, [8], {}].map((value): Case<string> => [
      `${name} ${json(value)}`,
      withKeys({ [name]: value }),
      new RegExp(`config\\.json: "(${name}|num_key_value_heads|hidden_size|head_dim)" is .+, expected `),
    ])
  ),
  ...REQUIRED.map((name): Case<string> => [`${name} 1e999`, spelled(name, "1e999"), key(name)]),
  ...[...REQUIRED, "head_dim"].map((name): Case<string> => [
    `${name} other than the weights'`,
    withKeys({ [name]: name === "head_dim" ? 6 : (TINY_CONFIG[name] as number) * 2 }),
    /model\.safetensors: (shape is|it is missing)|config\.json/,
  ]),
  ["a layer less", withKeys({ num_hidden_layers: 1024 }), /"model\.layers\.1\.\S+" .*it is missing/],
  ["heads that do not divide", withKeys({ num_attention_heads: 3 }), key("(hidden_size|num_key_value_heads)")],
  [
    "key heads that do not divide",
    withKeys({ num_attention_heads: 4, num_key_value_heads: 3 }),
    key("num_key_value_heads"),
  ],
  ["more key heads than heads", withKeys({ num_key_value_heads: 4 }), key("num_key_value_heads")],
  ["an odd head", withKeys({ head_dim: 3 }), key("head_dim")],
  ...["gpt2", "LLAMA", "", "__proto__", "toString", null, 1, ["llama"], {}].map(
    (value): Case<string> => [`model_type ${json(value)}`, withKeys({ model_type: value }), key("model_type")],
  ),
  ...[["MistralForCausalLM"], ["LlamaForCausalLM", "X"], [], "LlamaForCausalLM", {}, ["LlamaForSequenceClassification"]]
    .map(
      (
        value,
      ): Case<string> => [`architectures ${json(value)}`, withKeys({ architectures: value }), key("architectures")],
    ),
  ...["gelu", "relu", 1, [], {}].map(
    (value): Case<string> => [`hidden_act ${json(value)}`, withKeys({ hidden_act: value }), key("hidden_act")],
  ),
  ...[0, -1e-5, 2, "1e-5", [], true].map(
    (value): Case<string> => [`rms_norm_eps ${json(value)}`, withKeys({ rms_norm_eps: value }), key("rms_norm_eps")],
  ),
  ...[0, -1, "10000", [], 1e300].map(
    (value): Case<string> => [`rope_theta ${json(value)}`, withKeys({ rope_theta: value }), key("rope_theta")],
  ),
  ...[
    "linear",
    [],
    1,
    { type: "yarn", factor: 2 },
    { type: "dynamic", factor: 2 },
    { type: "longrope" },
    { type: "linear" },
    { type: "linear", factor: 0 },
    { type: "linear", factor: "2" },
    { type: "linear", factor: 2, rope_type: "llama3" },
    { type: "linear", factor: 2, mscale: 1 },
    { rope_type: "llama3", factor: 8 },
    { rope_type: "llama3", factor: 8, low_freq_factor: 4, high_freq_factor: 1, original_max_position_embeddings: 8 },
    { rope_type: 1 },
  ].map((value): Case<string> => [
    `rope_scaling ${json(value)}`,
    withKeys({ rope_scaling: value }),
    /config\.json: "rope_scaling(\.\w+)?" is .+, expected /,
  ]),
  ...["tie_word_embeddings", "attention_bias", "mlp_bias"].flatMap((name) =>
    ["true", 1, [], {}].map(
      (value): Case<string> => [`${name} ${json(value)}`, withKeys({ [name]: value }), key(name)],
    )
  ),
  ["biases that the weights lack", withKeys({ attention_bias: true }), /q_proj\.bias" .*it is missing/],
  ...["float8_e4m3fn", "int8", "", 16, []].map(
    (value): Case<string> => [`torch_dtype ${json(value)}`, withKeys({ torch_dtype: value }), key("torch_dtype")],
  ),
  ...[-1, 6, 1.5, "2", [2, 6], [null], {}].map(
    (value): Case<string> => [`eos_token_id ${json(value)}`, withKeys({ eos_token_id: value }), key("eos_token_id")],
  ),
  ...[-1, 6, 0.5, "1", [1]].map(
    (value): Case<string> => [`bos_token_id ${json(value)}`, withKeys({ bos_token_id: value }), key("bos_token_id")],
  ),
  ...[0, "4096", 1.5].map((value): Case<string> => [
    `max_position_embeddings ${json(value)}`,
    withKeys({ max_position_embeddings: value }),
    key("max_position_embeddings"),
  ]),
  ["a sliding window of llama", withKeys({ sliding_window: 16 }), key("sliding_window")],
  ["code to load", withKeys({ auto_map: { AutoModelForCausalLM: "modeling.Model" } }), key("auto_map")],
  ["quantized weights", withKeys({ quantization_config: { quant_method: "gptq" } }), key("quantization_config")],
  ["experts", withKeys({ num_local_experts: 8 }), key("num_local_experts")],
  ["scaled embeddings", withKeys({ embedding_multiplier: 12 }), key("embedding_multiplier")],
  ["capped logits", withKeys({ final_logit_softcapping: 30 }), key("final_logit_softcapping")],
  ["an encoder", withKeys({ is_encoder_decoder: true }), key("is_encoder_decoder")],
  ["a part of a larger model", withKeys({ text_config: {} }), key("text_config")],
];

Deno.test("openModelFolder() names file and key of a wrong config.json", () =>
  withFolder(async (dir) => {
    await writeModel(dir);
    await refuseAll(CONFIGS, async (content) => {
      const data = typeof content === "string" ? new TextEncoder().encode(content) : content;
      await Deno.writeFile(join(dir, "config.json"), data);
      await openModelFolder(dir);
    });
  }));

const GENERATION: Case<string>[] = [
  ["nothing", "", /generation_config\.json: it is not JSON/],
  ["a list", "[]", /generation_config\.json: it is \[\]/],
  ["no JSON", "{eos_token_id: 2}", /generation_config\.json: it is not JSON/],
  ...[-1, 6, 1e9, 0.5, "2", [1, 6], [[2]], true, {}].map(
    (value): Case<string> => [
      `eos_token_id ${json(value)}`,
      json({ eos_token_id: value }),
      /generation_config\.json: "eos_token_id" is .+, expected token ids from 0 to 5/,
    ],
  ),
];

Deno.test("openModelFolder() names file and key of a wrong generation_config.json", () =>
  withFolder(async (dir) => {
    await writeModel(dir);
    await refuseAll(GENERATION, async (text) => {
      await Deno.writeTextFile(join(dir, "generation_config.json"), text);
      await openModelFolder(dir);
    });
  }));

Deno.test("openModelFolder() opens or refuses a config.json with anything changed", () =>
  withFolder(async (dir) => {
    await writeModel(dir);
    const keys = [
      ...Object.keys(TINY_CONFIG),
      "head_dim",
      "rope_scaling",
      "rope_parameters",
      "sliding_window",
      "dtype",
    ];
    const value = fc.oneof(fc.integer({ min: -2, max: 20 }), fc.jsonValue(), fc.double());
    const changes = fc.dictionary(fc.constantFrom(...keys, "layer_types"), value, { minKeys: 1, maxKeys: 3 });
    await fc.assert(
      fc.asyncProperty(changes, async (change) => {
        await Deno.writeTextFile(join(dir, "config.json"), withKeys(change));
        await passesOrRefuses(() => openModelFolder(dir));
      }),
      { numRuns: 300 },
    );
  }));
