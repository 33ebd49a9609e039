/** The settings of a model as metadata of a GGUF file, under the names that llama.cpp reads. @module */
import type { BlockType } from "../checkpoint/gguf_blocks.ts";
import type { ModelFolder } from "../checkpoint/model_folder.ts";
import { UserError } from "../error.ts";
import type { ModelConfig } from "../model/families/family.ts";
import { quote } from "../values.ts";
import type { GgufContents } from "./gguf_bytes.ts";

/** How llama.cpp has a family. */
export interface Architecture {
  /** Its name, which is also the beginning of the settings' keys. */
  readonly name: string;
  /** As in {@linkcode TensorOptions.interleaves}; the RoPE factors of llama3 are read of these alone. */
  readonly interleaves: boolean;
  /** Biases that it reads. */
  readonly biases: { readonly qkv: boolean; readonly output: boolean; readonly mlp: boolean };
}

const LLAMA: Architecture = { name: "llama", interleaves: true, biases: { qkv: true, output: true, mlp: true } };

/** The architectures by transformers' `model_type`. */
const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  llama: LLAMA,
  mistral: LLAMA,
  qwen2: { name: "qwen2", interleaves: false, biases: { qkv: true, output: false, mlp: false } },
  qwen3: { name: "qwen3", interleaves: false, biases: { qkv: false, output: false, mlp: false } },
};

/** The numbers of `general.file_type`: what most of the weights are. */
const FILE_TYPES = { F32: 0, F16: 1, Q4_0: 2, Q8_0: 7, BF16: 32 } as const;

/** The architecture of a model. Throws a UserError naming what of the model llama.cpp has not. */
export function architectureOf({ dir, config }: Pick<ModelFolder, "dir" | "config">): Architecture {
  const found = Object.hasOwn(ARCHITECTURES, config.modelType) ? ARCHITECTURES[config.modelType]! : null;
  const refuse = (key: string, value: unknown, expected: string): UserError =>
    new UserError(`Cannot export ${dir} as gguf: "${key}" is ${quote(value)}, expected ${expected}`);
  if (found === null) throw refuse("model_type", config.modelType, Object.keys(ARCHITECTURES).join(", "));
  const { name, biases, interleaves } = found;
  for (const { attention, mlp } of config.layers) {
    if ((attention.bias.qkv && !biases.qkv) || (attention.bias.output && !biases.output)) {
      throw refuse("attention_bias", true, `false, as llama.cpp's ${name} has no such biases`);
    }
    if (mlp.bias && !biases.mlp) throw refuse("mlp_bias", true, `false, as llama.cpp's ${name} has no such biases`);
  }
  if (config.rope.type === "llama3" && !interleaves) {
    throw refuse("rope_type", "llama3", `"default" or "linear", as llama.cpp's ${name} reads no factors of RoPE`);
  }
  return found;
}

/** The metadata about the model, and notes to the user. `name` is the model's in lists of models. */
export function exportedSettings(
  { config, dtype }: Pick<ModelFolder, "config" | "dtype">,
  { name, architecture, quantize }: { name: string; architecture: Architecture; quantize: BlockType | null },
): { metadata: GgufContents["metadata"]; notes: string[] } {
  const { rope } = config;
  const own = (key: string): string => `${architecture.name}.${key}`;
  const { context, notes } = contextOf(config, architecture);
  const metadata: GgufContents["metadata"] = [
    ["general.architecture", { text: architecture.name }],
    ["general.type", { text: "model" }],
    ["general.name", { text: name }],
    ["general.file_type", { uint32: FILE_TYPES[quantize ?? dtype] }],
    ["general.quantization_version", { uint32: 2 }],
    [own("block_count"), { uint32: config.numLayers }],
    [own("context_length"), { uint32: context }],
    [own("embedding_length"), { uint32: config.hiddenSize }],
    [own("feed_forward_length"), { uint32: config.intermediateSize }],
    [own("attention.head_count"), { uint32: config.numHeads }],
    [own("attention.head_count_kv"), { uint32: config.numKvHeads }],
    [own("attention.key_length"), { uint32: config.headDim }],
    [own("attention.value_length"), { uint32: config.headDim }],
    [own("attention.layer_norm_rms_epsilon"), { float32: config.rmsNormEps }],
    [own("rope.dimension_count"), { uint32: config.headDim }],
    [own("rope.freq_base"), { float32: rope.theta }],
    ...rope.type === "linear"
      ? [
        [own("rope.scaling.type"), { text: "linear" }],
        [own("rope.scaling.factor"), { float32: rope.factor }],
      ] as const
      : [],
    [own("vocab_size"), { uint32: config.vocabSize }],
  ];
  return { metadata, notes };
}

/**
 * The longest sequence. llama.cpp's architectures here attend to all that came before, so that a model with a window is
 * the same up to the window's length.
 */
function contextOf(
  { layers, maxPositionEmbeddings: most }: ModelConfig,
  { name }: Architecture,
): { context: number; notes: string[] } {
  const window = layers.reduce((least, { attention }) => Math.min(least, attention.window ?? Infinity), Infinity);
  if (window >= most) return { context: most, notes: [] };
  const note = `The context is ${window} tokens, not ${most}: the model attends to the last ${window}, ` +
    `llama.cpp's ${name} to all`;
  return { context: window, notes: [note] };
}
