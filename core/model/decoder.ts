/** The decoder: embedding, layers, last norm; forward and backward over a packed batch. @module */
import { ropeTable } from "../../kernels/attention/rope.ts";
import type { Commands } from "../../kernels/device/commands.ts";
import type { Device } from "../../kernels/device/device.ts";
import { type BackwardBuffers, checkBinding, type ForwardBuffers } from "./activations.ts";
import { attentionBlock, attentionBlockBackward } from "./attention_block.ts";
import type {
  AttentionBackwardContext,
  AttentionContext,
  BlockCall,
  BlockForward,
  Decoder,
  EmbeddingIndexBuffers,
  TokenBuffers,
} from "./decoder_types.ts";
import { modelTensors } from "./families/families.ts";
import type { ModelConfig } from "./families/family.ts";
import { mlpBlock, mlpBlockBackward } from "./mlp_block.ts";
import type { Parameters } from "./parameters.ts";
import { addToStream, lastBackward, readStream } from "./residual_stream.ts";
import { inverseFrequencies } from "./rope_frequencies.ts";
import { embedTokens, embedTokensBackward } from "./token_embedding.ts";

/** Makes the constants for rows of up to `maxPositions` tokens. Throws DeviceError if the device is too small. */
export function createDecoder(
  device: Device,
  { config, maxPositions }: { config: ModelConfig; maxPositions: number },
): Decoder {
  checkBinding(device, { bytes: maxPositions * config.headDim * 4, label: "rope table" });
  const table = ropeTable({ inverseFrequencies: inverseFrequencies(config.rope, config.headDim), maxPositions });
  return { config, tensors: modelTensors(config), rope: device.upload(table, "rope table"), maxPositions };
}

/** What {@linkcode decoderForward} reads and writes. */
export interface DecoderForward {
  parameters: Parameters;
  batch: TokenBuffers;
  /** Overwritten; `hidden` [T, D] is what the LM head reads. */
  buffers: ForwardBuffers;
  attention: AttentionContext;
}

/** Records the forward pass. */
export function decoderForward(
  commands: Commands,
  decoder: Decoder,
  { parameters, batch, buffers, attention }: DecoderForward,
): void {
  const { projected, layers } = buffers;
  const calls = layers.map((layer, n): BlockForward => ({
    ...blockCall(decoder, n),
    parameters,
    batch,
    layer,
    projected,
  }));
  embedTokens(commands, decoder, { parameters, batch, out: layers[0]!.x });
  readStream(commands, calls[0]!, "attention");
  calls.forEach((call, n) => {
    const next = calls[n + 1] ?? null;
    attentionBlock(commands, {
      ...call,
      attend: (buffers) => attention.attend(n, buffers),
      appliesRope: attention.appliesRope ?? false,
    });
    addToStream(commands, call, { block: "attention", next, buffers });
    mlpBlock(commands, call);
    addToStream(commands, call, { block: "mlp", next, buffers });
  });
}

function blockCall(decoder: Decoder, n: number): Pick<BlockCall, "decoder" | "spec" | "tensors"> {
  return { decoder, spec: decoder.config.layers[n]!, tensors: decoder.tensors.layers[n]! };
}

/** What {@linkcode decoderBackward} reads and writes. */
export interface DecoderBackward {
  /** The gradients of trained parameters are added to. */
  parameters: Parameters;
  batch: TokenBuffers;
  index: EmbeddingIndexBuffers;
  /** As the forward pass left them. */
  buffers: ForwardBuffers;
  /** `dhidden` [T, D] is the gradient at what the LM head reads. */
  scratch: BackwardBuffers;
  attention: AttentionBackwardContext;
}

/** Records the backward pass. */
export function decoderBackward(
  commands: Commands,
  decoder: Decoder,
  { parameters, batch, index, buffers, scratch, attention }: DecoderBackward,
): void {
  const { dx, dhidden, partials } = scratch;
  lastBackward(commands, { decoder, parameters, batch, buffers, dx, dhidden, partials });
  // scratch.dx holds the residual stream's gradient; each block adds its own to it.
  for (let n = decoder.config.numLayers - 1; n >= 0; n--) {
    const call = { ...blockCall(decoder, n), parameters, batch, layer: buffers.layers[n]!, scratch };
    mlpBlockBackward(commands, call);
    attentionBlockBackward(commands, {
      ...call,
      attendBackward: (buffers) => attention.attendBackward(n, buffers),
    });
  }
  embedTokensBackward(commands, decoder, { parameters, index, dx });
}
