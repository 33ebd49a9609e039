/** What the decoder's parts pass to each other. @module */
import type { Slice } from "../../kernels/device/device.ts";
import type { ModelConfig } from "../checkpoint/model_config.ts";
import type { BackwardBuffers, LayerActivations } from "./activations.ts";
import type { LayerNames } from "./parameter_names.ts";
import type { ParameterBuffers } from "./parameters.ts";

/** A decoder's constants on the device; weights are passed in, as policy and reference share the rest. */
export interface Decoder {
  readonly config: ModelConfig;
  readonly names: readonly LayerNames[];
  /** (cos, sin) per position and frequency. */
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
}

/** How a layer's attention sees the tokens: over the packed batch, or over a KV cache. */
export interface AttentionContext {
  /** `attend` turns q and k itself, and is given them as they were projected (default false). */
  turns?: boolean;
  /** Records out [T, heads·headDim] (and lse for a backward pass) from the rotated qkv of layer `layer`. */
  attend(layer: number, buffers: { out: Slice; lse: Slice; qkv: Slice }): void;
}

/** What the attention's backward pass needs besides: records dqkv from dattended for layer `layer`. */
export interface AttentionBackwardContext {
  attendBackward(
    layer: number,
    buffers: { dqkv: Slice; saved: Slice; dout: Slice; out: Slice; lse: Slice; qkv: Slice },
  ): void;
}

/** The tokens of each id, for the embedding's gradient. */
export interface EmbeddingIndexBuffers {
  /** Distinct ids. */
  ids: Slice;
  starts: Slice;
  tokens: Slice;
  /** Number of distinct ids. */
  count: number;
}

/** What a block's forward pass reads and writes. */
export interface BlockForward {
  decoder: Decoder;
  names: LayerNames;
  weights: ParameterBuffers;
  batch: TokenBuffers;
  layer: LayerActivations;
  /** Output, overwritten: [T, D], to be added to the residual. */
  projected: Slice;
}

/** What a block's backward pass reads and writes; `scratch.dx` is the residual's gradient, added to. */
export interface BlockBackward {
  decoder: Decoder;
  names: LayerNames;
  weights: ParameterBuffers;
  gradients: ParameterBuffers;
  batch: TokenBuffers;
  layer: LayerActivations;
  scratch: BackwardBuffers;
}
