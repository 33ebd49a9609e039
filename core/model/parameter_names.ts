/** The names of a decoder's parameters, grouped into the matrices that the kernels use. @module */
import { DeviceError } from "../../kernels/device/device_error.ts";
import type { ModelConfig } from "../checkpoint/model_config.ts";
import { type ParameterShape, parameterShapes } from "../checkpoint/parameter_shapes.ts";
import { type ParameterLayout, planParameters } from "./parameters.ts";

/** One layer's parameter names; a list holds tensors that lie end to end and act as one matrix or vector. */
export interface LayerNames {
  inputNorm: string;
  /** q, k, v: rows of one [(heads + 2·kvHeads)·headDim, hidden] matrix. */
  qkv: string[];
  /** Empty without biases. */
  qkvBias: string[];
  /** Per-head norms of q and k (Qwen3), else null. */
  headNorms: { q: string; k: string } | null;
  output: string[];
  outputBias: string[];
  postNorm: string;
  /** gate and up: rows of one [2·intermediate, hidden] matrix. */
  gateUp: string[];
  gateUpBias: string[];
  down: string[];
  downBias: string[];
}

/** The embedding's name. */
export const EMBEDDING = "model.embed_tokens.weight";
/** The last norm's name. */
export const FINAL_NORM = "model.norm.weight";

/** The LM head's name: the embedding's own where the two are tied. */
export function headName(config: ModelConfig): string {
  return config.tieWordEmbeddings ? EMBEDDING : "lm_head.weight";
}

/** The names of layer `index`. */
export function layerNames(config: ModelConfig, index: number): LayerNames {
  const p = `model.layers.${index}.`;
  const named = (block: string, names: string[], suffix: string, present = true): string[] =>
    present ? names.map((name) => `${p}${block}.${name}_proj.${suffix}`) : [];
  return {
    inputNorm: `${p}input_layernorm.weight`,
    qkv: named("self_attn", ["q", "k", "v"], "weight"),
    qkvBias: named("self_attn", ["q", "k", "v"], "bias", config.attentionBias.qkv),
    headNorms: config.qkNorm ? { q: `${p}self_attn.q_norm.weight`, k: `${p}self_attn.k_norm.weight` } : null,
    output: named("self_attn", ["o"], "weight"),
    outputBias: named("self_attn", ["o"], "bias", config.attentionBias.o),
    postNorm: `${p}post_attention_layernorm.weight`,
    gateUp: named("mlp", ["gate", "up"], "weight"),
    gateUpBias: named("mlp", ["gate", "up"], "bias", config.mlpBias),
    down: named("mlp", ["down"], "weight"),
    downBias: named("mlp", ["down"], "bias", config.mlpBias),
  };
}

/** Plans the buffers of a decoder's parameters. Throws DeviceError where a layer's matrix is more than one binding holds. */
export function planDecoder(config: ModelConfig, maxBindingBytes: number): ParameterLayout {
  const shapes = new Map(parameterShapes(config).map((p) => [p.name, p]));
  const groups: ParameterShape[][] = [];
  const add = (...names: string[]): ParameterShape[] => {
    const group = names.map((name) => {
      const shape = shapes.get(name);
      if (!shape) throw new Error(`Cannot plan "${name}": the config has no such parameter`);
      shapes.delete(name);
      return shape;
    });
    if (group.length > 0) groups.push(group);
    return group;
  };
  const take = (...names: string[]): void => {
    const bytes = add(...names).reduce((sum, { shape }) => sum + 4 * shape.reduce((a, b) => a * b, 1), 0);
    if (bytes <= maxBindingBytes) return;
    throw new DeviceError(
      `Cannot hold ${
        names.map((name) => `"${name}"`).join(", ")
      }: size is ${bytes} bytes, the device's largest binding is ${maxBindingBytes}; a GPU whose driver allows more is needed`,
      "memory",
    );
  };
  // The embedding and the LM head are read in windows, however large they are.
  add(EMBEDDING);
  for (let n = 0; n < config.numLayers; n++) {
    const layer = layerNames(config, n);
    take(layer.inputNorm);
    take(...layer.qkv);
    take(...layer.qkvBias);
    if (layer.headNorms) {
      take(layer.headNorms.q);
      take(layer.headNorms.k);
    }
    take(...layer.output);
    take(...layer.outputBias);
    take(layer.postNorm);
    take(...layer.gateUp);
    take(...layer.gateUpBias);
    take(...layer.down);
    take(...layer.downBias);
  }
  take(FINAL_NORM);
  if (!config.tieWordEmbeddings) add(headName(config));
  if (shapes.size > 0) throw new Error(`Cannot plan [${[...shapes.keys()].join(", ")}]: no group holds them`);
  return planParameters(groups, maxBindingBytes);
}
