/** The decoder: embedding, layers, last norm; forward and backward over a packed batch. @module */
import { ropeTable } from "../../kernels/attention/rope.ts";
import type { Commands } from "../../kernels/device/commands.ts";
import type { Device } from "../../kernels/device/device.ts";
import { addRmsNorm, rmsNorm } from "../../kernels/norm/rms_norm.ts";
import { embedding, embeddingBackward } from "../../kernels/rows/embedding.ts";
import type { ModelConfig } from "../checkpoint/model_config.ts";
import { type BackwardBuffers, checkBinding, type ForwardBuffers } from "./activations.ts";
import { attentionBlock, attentionBlockBackward } from "./attention_block.ts";
import type {
  AttentionBackwardContext,
  AttentionContext,
  Decoder,
  EmbeddingIndexBuffers,
  TokenBuffers,
} from "./decoder_types.ts";
import { mlpBlock, mlpBlockBackward } from "./mlp_block.ts";
import { normBackward } from "./norm_backward.ts";
import { EMBEDDING, FINAL_NORM, layerNames } from "./parameter_names.ts";
import type { ParameterBuffers } from "./parameters.ts";
import { inverseFrequencies } from "./rope_frequencies.ts";

/** Makes the decoder's constants for rows of up to `maxPositions` tokens. Throws DeviceError where the device is too small. */
export function createDecoder(
  device: Device,
  { config, maxPositions }: { config: ModelConfig; maxPositions: number },
): Decoder {
  checkBinding(device, { bytes: maxPositions * config.headDim * 4, label: "rope table" });
  const table = ropeTable({ inverseFrequencies: inverseFrequencies(config.rope, config.headDim), maxPositions });
  return {
    config,
    names: Array.from({ length: config.numLayers }, (_, n) => layerNames(config, n)),
    rope: device.upload(table, "rope table"),
    maxPositions,
  };
}

/** Records the forward pass: `buffers.hidden` [T, D] is what the LM head reads. */
export function decoderForward(
  commands: Commands,
  decoder: Decoder,
  { weights, batch, buffers, attention }: {
    weights: ParameterBuffers;
    batch: TokenBuffers;
    buffers: ForwardBuffers;
    attention: AttentionContext;
  },
): void {
  const { config, names } = decoder;
  const rows = batch.tokens;
  const columns = config.hiddenSize;
  embedding(commands, {
    out: buffers.layers[0]!.x,
    weight: weights.view(EMBEDDING),
    ids: batch.ids,
    tokens: rows,
    vocabSize: config.vocabSize,
    columns,
  });
  const { projected: b } = buffers;
  const sizes = { rows, columns, eps: config.rmsNormEps };
  const [first] = buffers.layers;
  rmsNorm(commands, {
    ...sizes,
    y: first!.normed,
    invRms: first!.inputInvRms,
    x: first!.x,
    weight: weights.view(names[0]!.inputNorm),
  });
  // Each block leaves its projection, which the norm that the next one begins with adds to the residual.
  for (let n = 0; n < config.numLayers; n++) {
    const layer = buffers.layers[n]!;
    const call = { decoder, names: names[n]!, weights, batch, layer, projected: b };
    attentionBlock(commands, { ...call, attend: (b) => attention.attend(n, b), turns: attention.turns ?? false });
    addRmsNorm(commands, {
      ...sizes,
      sum: layer.mid,
      y: layer.normed,
      invRms: layer.midInvRms,
      a: layer.x,
      b,
      weight: weights.view(names[n]!.postNorm),
    });
    mlpBlock(commands, call);
    const next = buffers.layers[n + 1];
    addRmsNorm(commands, {
      ...sizes,
      ...(next
        ? { sum: next.x, y: next.normed, invRms: next.inputInvRms, weight: weights.view(names[n + 1]!.inputNorm) }
        : { sum: buffers.last, y: buffers.hidden, invRms: buffers.lastInvRms, weight: weights.view(FINAL_NORM) }),
      a: layer.mid,
      b,
    });
  }
}

/** Records the backward pass from `scratch.dhidden` [T, D]; adds to `gradients`. */
export function decoderBackward(
  commands: Commands,
  decoder: Decoder,
  { weights, gradients, batch, index, buffers, scratch, attention }: {
    weights: ParameterBuffers;
    gradients: ParameterBuffers;
    batch: TokenBuffers;
    index: EmbeddingIndexBuffers;
    buffers: ForwardBuffers;
    scratch: BackwardBuffers;
    attention: AttentionBackwardContext;
  },
): void {
  const { config, names } = decoder;
  normBackward(commands, FINAL_NORM, {
    dx: scratch.dx,
    accumulate: false,
    dy: scratch.dhidden,
    x: buffers.last,
    invRms: buffers.lastInvRms,
    weights,
    gradients,
    partials: scratch.partials,
    rows: batch.tokens,
    columns: config.hiddenSize,
  });
  // scratch.dx holds the residual stream's gradient; each block adds its own through its norm.
  for (let n = config.numLayers - 1; n >= 0; n--) {
    const call = { decoder, names: names[n]!, weights, gradients, batch, layer: buffers.layers[n]!, scratch };
    mlpBlockBackward(commands, call);
    attentionBlockBackward(commands, { ...call, attendBackward: (b) => attention.attendBackward(n, b) });
  }
  embeddingBackward(commands, {
    dweight: gradients.view(EMBEDDING),
    dout: scratch.dx,
    ids: index.ids,
    starts: index.starts,
    tokens: index.tokens,
    count: index.count,
    vocabSize: config.vocabSize,
    columns: config.hiddenSize,
  });
}
