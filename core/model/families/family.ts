/** The types with which the files of this folder describe an architecture. @module */
import type { Dtype } from "../../dtype.ts";
import type { Fields } from "./config_fields.ts";
import type { ModelTensors } from "./model_tensors.ts";
import type { RopeConfig } from "./rope_config.ts";

/** How a layer attends. */
export interface AttentionSpec {
  /** Positions that a query sees, its own included; null is all. */
  readonly window: number | null;
  /** Factor on the scores before the softmax. */
  readonly scale: number;
  /** Whether q and k pass an RMSNorm of their own, head by head, before RoPE. */
  readonly headNorm: boolean;
  /** Whether the q, k and v projections, and the output projection, have biases. */
  readonly bias: { readonly qkv: boolean; readonly output: boolean };
}

/** The MLP of a layer. */
export interface MlpSpec {
  /** Activation of the gate; with silu, the MLP is SwiGLU. */
  readonly activation: "silu";
  /** Whether gate, up and down projections have biases. */
  readonly bias: boolean;
}

/** What a layer is made of. */
export interface LayerSpec {
  /** Where its norms are. `pre`: before each block, first the attention, then the MLP. */
  readonly norms: "pre";
  /** How it attends. */
  readonly attention: AttentionSpec;
  /** Its MLP. */
  readonly mlp: MlpSpec;
}

/** What a decoder is built from. */
export interface ModelConfig {
  /** The family, by transformers' `model_type`. */
  modelType: string;
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
  /** What each layer is made of, from the first on. */
  layers: readonly LayerSpec[];
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

/** What transformers assumes if config.json leaves a key out. */
export interface FamilyDefaults {
  /** Key and value heads; null is as many as query heads. */
  readonly kvHeads: number | null;
  /** Width of a head; null is hidden size / heads. */
  readonly headDim: number | null;
  readonly maxPositions: number;
  readonly bos: number | null;
  readonly eos: readonly number[];
}

/** An architecture. */
export interface Family {
  /** transformers' `model_type`. */
  readonly modelType: string;
  /** Beginning of its class names: `Llama` of `LlamaForCausalLM`. */
  readonly className: string;
  readonly defaults: FamilyDefaults;
  /**
   * Reads what each layer is made of from config.json. Throws a UserError naming the key of an unsupported setting:
   * with it, the same tensors would be another model.
   */
  readLayers(fields: Fields, sizes: Pick<ModelConfig, "numLayers" | "headDim">): LayerSpec[];
  /** The tensors of a model of this family, by role. */
  tensors(config: ModelConfig): ModelTensors;
}
