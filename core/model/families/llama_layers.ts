/** What Llama and the families with its layout have in common: tensor names, and keys of config.json. @module */
import { booleanField, fieldError, type Fields, integerField, isAbsent } from "./config_fields.ts";
import type { AttentionSpec, LayerSpec, MlpSpec, ModelConfig } from "./family.ts";
import type { LayerTensors, LinearTensors, ModelTensors, ParameterShape } from "./model_tensors.ts";

/** The tensors under Llama's names. */
export function llamaTensors(config: ModelConfig): ModelTensors {
  const { hiddenSize, vocabSize, tieWordEmbeddings } = config;
  const embedding = { name: "model.embed_tokens.weight", shape: [vocabSize, hiddenSize] };
  return {
    embedding,
    layers: config.layers.map((layer, n) => llamaLayer(config, layer, `model.layers.${n}`)),
    finalNorm: { name: "model.norm.weight", shape: [hiddenSize] },
    head: tieWordEmbeddings ? embedding : { name: "lm_head.weight", shape: [vocabSize, hiddenSize] },
  };
}

function llamaLayer(config: ModelConfig, { attention, mlp }: LayerSpec, prefix: string): LayerTensors {
  const { hiddenSize, headDim, intermediateSize } = config;
  const [heads, kvHeads] = [config.numHeads * headDim, config.numKvHeads * headDim];
  const vector = (name: string, size: number): ParameterShape => ({ name: `${prefix}.${name}.weight`, shape: [size] });
  const linear = (
    block: string,
    rows: Readonly<Record<string, number>>,
    { inputs, bias }: { inputs: number; bias: boolean },
  ): LinearTensors => {
    const all = Object.entries(rows).map(([name, size]) => ({ name: `${prefix}.${block}.${name}_proj`, size }));
    return {
      weights: all.map(({ name, size }) => ({ name: `${name}.weight`, shape: [size, inputs] })),
      biases: bias ? all.map(({ name, size }) => ({ name: `${name}.bias`, shape: [size] })) : [],
    };
  };
  return {
    attentionNorm: vector("input_layernorm", hiddenSize),
    qkv: linear("self_attn", { q: heads, k: kvHeads, v: kvHeads }, { inputs: hiddenSize, bias: attention.bias.qkv }),
    headNorms: attention.headNorm
      ? { q: vector("self_attn.q_norm", headDim), k: vector("self_attn.k_norm", headDim) }
      : null,
    output: linear("self_attn", { o: hiddenSize }, { inputs: heads, bias: attention.bias.output }),
    mlpNorm: vector("post_attention_layernorm", hiddenSize),
    gateUp: linear("mlp", { gate: intermediateSize, up: intermediateSize }, { inputs: hiddenSize, bias: mlp.bias }),
    down: linear("mlp", { down: hiddenSize }, { inputs: intermediateSize, bias: mlp.bias }),
  };
}

/** Layers that are all alike. `layer_types`, if the file has it, must say the same. */
export function sameLayers(
  fields: Fields,
  { numLayers, headDim, attention, mlp }: {
    numLayers: number;
    headDim: number;
    attention: Omit<AttentionSpec, "scale">;
    mlp: MlpSpec;
  },
): LayerSpec[] {
  const type = attention.window === null ? "full_attention" : "sliding_attention";
  checkLayerTypes(fields, Array.from({ length: numLayers }, () => type));
  const layer: LayerSpec = { norms: "pre", attention: { ...attention, scale: 1 / Math.sqrt(headDim) }, mlp };
  return Array.from({ length: numLayers }, () => layer);
}

function checkLayerTypes(fields: Fields, expected: readonly string[]): void {
  if (isAbsent(fields, "layer_types")) return;
  const types = fields.values.layer_types;
  if (!Array.isArray(types) || types.length !== expected.length || types.some((type, i) => type !== expected[i])) {
    throw fieldError(fields, "layer_types", `"${expected[0]}" ${expected.length} times`);
  }
}

/** Reads `hidden_act`. Throws a UserError unless it is silu or absent. */
export function readSilu(fields: Fields): "silu" {
  if (!isAbsent(fields, "hidden_act") && fields.values.hidden_act !== "silu") {
    throw fieldError(fields, "hidden_act", `"silu"`);
  }
  return "silu";
}

/** Reads `attention_bias`, for families in which it applies to all four projections. */
export function readAttentionBias(fields: Fields): AttentionSpec["bias"] {
  const bias = booleanField(fields, "attention_bias");
  return { qkv: bias, output: bias };
}

/** Throws a UserError if `mlp_bias` is true, for families without such biases. */
export function refuseMlpBias(fields: Fields, modelType: string): false {
  if (booleanField(fields, "mlp_bias")) throw fieldError(fields, "mlp_bias", `false for ${modelType}`);
  return false;
}

/** Reads `sliding_window`, `fallback` if it is left out; `use_sliding_window` must not contradict it. */
export function readSlidingWindow(fields: Fields, fallback: number | null): number | null {
  const use = booleanField(fields, "use_sliding_window");
  const absent = Object.hasOwn(fields.values, "sliding_window") ? null : fallback;
  const window = integerField(fields, "sliding_window", { min: 1, max: 2 ** 30, fallback: absent });
  if (!isAbsent(fields, "use_sliding_window") && use !== (window !== null)) {
    throw fieldError(fields, "use_sliding_window", `${window !== null}, as "sliding_window" is ${window}`);
  }
  return window;
}

/** Throws a UserError if `use_sliding_window` is true, for families in which it alone switches the window on. */
export function refuseSlidingWindow(fields: Fields): null {
  if (booleanField(fields, "use_sliding_window")) {
    throw fieldError(fields, "use_sliding_window", "false (not supported)");
  }
  return null;
}
