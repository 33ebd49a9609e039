import { deepEqual, equal, throws } from "node:assert/strict";
import { modelTensors, parameterShapes } from "../../../core/model/families/families.ts";
import { parseModelConfig } from "../../../core/model/families/model_config.ts";
import { inverseFrequencies } from "../../../core/model/families/rope_frequencies.ts";
import { planDecoder } from "../../../core/model/plan_decoder.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { TINY_CONFIG } from "../../_shared/tiny_model.ts";

const configOf = (keys: Record<string, unknown> = {}) => parseModelConfig({ ...TINY_CONFIG, ...keys }, "config.json");

Deno.test("planDecoder() has every parameter once, q k v and gate up end to end, norms and biases without decay", () => {
  for (const [model_type, name] of [["llama", "Llama"], ["qwen2", "Qwen2"], ["qwen3", "Qwen3"]]) {
    const config = configOf({ model_type, architectures: [`${name}ForCausalLM`] });
    const { places, chunks } = planDecoder(config, { maxBindingBytes: 1 << 27 });
    deepEqual([...places.keys()].sort(), parameterShapes(config).map(({ name }) => name).sort());
    equal(chunks.length, 1);
    const offset = (name: string): number => places.get(`model.layers.1.${name}_proj.weight`)!.offset;
    equal(offset("self_attn.k") - offset("self_attn.q"), 16 * config.numHeads * config.headDim * 4);
    equal(offset("self_attn.v") - offset("self_attn.k"), 16 * config.numKvHeads * config.headDim * 4);
    equal(offset("mlp.up") - offset("mlp.gate"), 24 * 16 * 4);
    for (const [name, place] of places) {
      equal(place.offset < chunks[0]!.decayed * 4, place.shape.length > 1, name);
    }
  }
});

Deno.test("planDecoder() refuses a layer's matrix that no binding holds, and splits the embedding", () => {
  const config = configOf({ vocab_size: 1000 });
  const gateUp = 2 * 24 * 16 * 4;
  equal(planDecoder(config, { maxBindingBytes: gateUp }).places.get("lm_head.weight")!.shape[0], 1000);
  throws(
    () => planDecoder(config, { maxBindingBytes: gateUp - 4 }),
    new RegExp(
      `^DeviceError: Cannot hold "model.layers.0.mlp.gate_proj.weight", "model.layers.0.mlp.up_proj.weight": size is ${gateUp} bytes, the device's largest binding is ${
        gateUp - 4
      };`,
    ),
  );
  // 2000 of a vocabulary of 2500 make 31 blocks of 64 rows, which no buffer of 2000 rows holds as a whole.
  const large = planDecoder(configOf({ vocab_size: 2500 }), { maxBindingBytes: 1 << 20, maxBufferBytes: 2000 * 64 });
  equal(large.places.get("lm_head.weight")!.partElements, 31 * 64 * 16);
  throws(
    () => planDecoder(config, { maxBindingBytes: 1 << 20, maxBufferBytes: gateUp - 4 }),
    /^DeviceError: Cannot hold "model.layers.0.mlp.gate_proj.weight", /,
  );
});

Deno.test("planDecoder() keeps to buffers of 2 GiB with the shape of Qwen3-8B", () => {
  const config = configOf({
    model_type: "qwen3",
    architectures: ["Qwen3ForCausalLM"],
    hidden_size: 4096,
    intermediate_size: 12288,
    num_hidden_layers: 36,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    head_dim: 128,
    vocab_size: 151936,
  });
  const most = 2 ** 31 - 1;
  const { places, chunks } = planDecoder(config, { maxBindingBytes: most, maxBufferBytes: most, cutRows: 8192 });
  equal(chunks.every(({ elements }) => elements * 4 <= most), true);
  for (const name of ["model.embed_tokens.weight", "lm_head.weight"]) {
    equal(places.get(name)!.partElements, 15 * 8192 * 4096);
  }
  // 8,190,735,360 parameters, and at most a slice's alignment for each group.
  const elements = chunks.reduce((sum, chunk) => sum + chunk.elements, 0);
  equal(elements - 8_190_735_360 < 36 * 8 * 64 && elements >= 8_190_735_360, true, `${elements}`);
});

Deno.test("planDecoder() refuses to train a part of what acts as one", () => {
  const config = configOf({ model_type: "qwen3", architectures: ["Qwen3ForCausalLM"] });
  for (const [part, whole] of [["q_norm", "q_norm"], ["k_norm", "q_norm"], ["up_proj", "gate_proj"]] as const) {
    throws(
      () => planDecoder(config, { maxBindingBytes: 1 << 27, isTrained: (name) => name.includes(part) }),
      new RegExp(`^RangeError: Cannot train a part of .*${whole}.*: they act as one, expected all or none$`),
    );
  }
});

Deno.test("modelTensors() has the embedding as head where the two are tied", () => {
  const head = (config: ReturnType<typeof configOf>): string => modelTensors(config).head.name;
  equal(head(configOf()), "lm_head.weight");
  equal(head(configOf({ tie_word_embeddings: true })), "model.embed_tokens.weight");
});

Deno.test("inverseFrequencies() follows transformers' default, linear and llama3 rules", () => {
  const plain = inverseFrequencies({ type: "default", theta: 10000 }, 8);
  assertClose(plain, [1, 0.1, 0.01, 0.001], { rtol: 1e-12 });
  assertClose(inverseFrequencies({ type: "linear", theta: 10000, factor: 4 }, 8), plain.map((f) => f / 4), {
    rtol: 1e-12,
  });
  const scaled = inverseFrequencies({
    type: "llama3",
    theta: 10000,
    factor: 8,
    lowFreqFactor: 1,
    highFreqFactor: 4,
    originalMaxPositionEmbeddings: 200,
  }, 8);
  // Wavelengths 6.28 and, just beyond 200 / 4, 62.8; 628 and 6283 are longer than 200 / 1.
  const smooth = (200 / (2 * Math.PI / 0.1) - 1) / 3;
  assertClose(scaled, [1, (1 - smooth) * 0.1 / 8 + smooth * 0.1, 0.01 / 8, 0.001 / 8], { rtol: 1e-12 });
});
