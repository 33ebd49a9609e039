/** What the decoder's parts pass to each other. @module */
import type { Slice } from "../../kernels/device/slice.ts";
import type { BackwardBuffers, LayerActivations } from "./activations.ts";
import type { AdapterDropout } from "./dropped_low_rank.ts";
import type { LayerSpec, ModelConfig } from "./families/family.ts";
import type { LayerTensors, ModelTensors } from "./families/model_tensors.ts";
import type { Parameters } from "./parameters.ts";

/** A decoder's constants. Parameters are passed in separately, since policy and reference share all the rest. */
export interface Decoder {
  readonly config: ModelConfig;
  readonly tensors: ModelTensors;
  /** Table on the device: (cos, sin) for each position and frequency. */
  readonly rope: Slice;
  /** Positions that `rope` covers. */
  readonly maxPositions: number;
}

/** A packed batch's tokens on the device. */
export interface TokenBuffers {
  tokens: number;
  ids: Slice;
  /** Position of each token in its row. */
  position: Slice;
  /** Dropout before adapters, in training; null or absent if nothing is dropped. */
  drop?: AdapterDropout | null;
}

/** What attention reads and writes. */
export interface AttendBuffers {
  /** Overwritten: [T, heads·headDim]. */
  out: Slice;
  /** Overwritten, for a backward pass: [T, heads]. */
  lse: Slice;
  /** q, k and v after RoPE (before it if the context applies RoPE itself): [T, C]. */
  qkv: Slice;
}

/** What attention's backward pass reads and writes. */
export interface AttendBackwardBuffers extends AttendBuffers {
  /** Overwritten: [T, C]. */
  dqkv: Slice;
  /** Scratch: [T, heads, 2]. */
  saved: Slice;
  /** [T, heads·headDim]. */
  dout: Slice;
}

/** How a layer's attention sees the tokens: those of the packed batch, or those of a KV cache. */
export interface AttentionContext {
  /** Whether `attend` applies RoPE to q and k itself (default false). */
  appliesRope?: boolean;
  /** Records the attention of layer `layer`. */
  attend(layer: number, buffers: AttendBuffers): void;
}

/** How the attention's gradients are computed. */
export interface AttentionBackwardContext {
  /** Records the backward pass of the attention of layer `layer`. */
  attendBackward(layer: number, buffers: AttendBackwardBuffers): void;
}

/** The tokens of each id, for the embedding's gradient. */
export interface EmbeddingIndexBuffers {
  /** Distinct ids. */
  ids: Slice;
  starts: Slice;
  tokens: Slice;
  /** Number of distinct ids. */
  count: number;
  /** The most tokens that an id has. */
  most: number;
}

/** What a block of a layer works on. */
export interface BlockCall {
  decoder: Decoder;
  /** What the layer is made of, and its tensors. */
  spec: LayerSpec;
  tensors: LayerTensors;
  parameters: Parameters;
  batch: TokenBuffers;
  layer: LayerActivations;
}

/** What the forward pass of a block reads and writes in addition. */
export interface BlockForward extends BlockCall {
  /** Output, overwritten: [T, D], to be added to the residual stream. */
  projected: Slice;
}

/** What the backward pass of a block uses in addition. It adds to `scratch.dx`, the gradient of the residual stream. */
export interface BlockBackward extends BlockCall {
  scratch: BackwardBuffers;
  /** Whether the gradient at the block's input is needed; without it, `scratch.dx` stays as it is. */
  needsInput: boolean;
}
