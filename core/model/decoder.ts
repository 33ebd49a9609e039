/** The decoder: embedding, layers, last norm; forward and backward over a packed batch. @module */
import { ropeTable } from "../../kernels/attention/rope.ts";
import { checkBinding } from "../../kernels/device/binding.ts";
import type { Commands } from "../../kernels/device/commands.ts";
import type { Device } from "../../kernels/device/device.ts";
import type { BackwardBuffers, ForwardBuffers } from "./activations.ts";
import { attentionBlock, attentionBlockBackward } from "./attention_block.ts";
import { backwardEnd } from "./backward_end.ts";
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
import { inverseFrequencies } from "./families/rope_frequencies.ts";
import { mlpActivations, mlpBlock, mlpBlockBackward } from "./mlp_block.ts";
import type { Parameters } from "./parameters.ts";
import { addToStream, lastBackward, readStream } from "./residual_stream.ts";
import type { Segment } from "./segments.ts";
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
export function decoderForward(commands: Commands, decoder: Decoder, pass: DecoderForward): void {
  const { parameters, batch, buffers } = pass;
  embedTokens(commands, decoder, { parameters, batch, out: buffers.layers[0]!.x });
  const calls = blockCalls(decoder, pass);
  readStream(commands, calls[0]!, "attention");
  calls.forEach((call, n) => {
    const next = calls[n + 1] ?? null;
    layerAttention(commands, call, { ...pass, n, next });
    mlpBlock(commands, call);
    addToStream(commands, call, { block: "mlp", next, buffers });
  });
}

/** Records a layer's attention, and the stream after it. */
function layerAttention(
  commands: Commands,
  call: BlockForward,
  { attention, buffers, n, next }: Pick<DecoderForward, "attention" | "buffers"> & {
    n: number;
    next: BlockCall | null;
  },
): void {
  attentionBlock(commands, {
    ...call,
    attend: (buffers) => attention.attend(n, buffers),
    appliesRope: attention.appliesRope ?? false,
  });
  addToStream(commands, call, { block: "attention", next, buffers });
}

function blockCalls(
  decoder: Decoder,
  { parameters, batch, buffers: { layers, projected } }: Pick<DecoderForward, "parameters" | "batch" | "buffers">,
): BlockForward[] {
  return layers.map((layer, n) => ({
    decoder,
    spec: decoder.config.layers[n]!,
    tensors: decoder.tensors.layers[n]!,
    parameters,
    batch,
    layer,
    projected,
  }));
}

/** What {@linkcode decoderBackward} reads and writes. */
export interface DecoderBackward {
  /** The gradients of trained parameters are added to. */
  parameters: Parameters;
  batch: TokenBuffers;
  index: EmbeddingIndexBuffers;
  /** As the forward pass left them: they hold the last segment's activations, and each segment's input. */
  buffers: ForwardBuffers;
  /** `dhidden` [T, D] is the gradient at what the LM head reads. */
  scratch: BackwardBuffers;
  attention: AttentionContext & AttentionBackwardContext;
}

/**
 * Records the backward pass, down to the lowest parameter that is trained. The activations of all segments but the last
 * are computed again before it.
 */
export function decoderBackward(commands: Commands, decoder: Decoder, pass: DecoderBackward): void {
  const { parameters, batch, index, buffers, scratch, attention } = pass;
  const { dx, dhidden, partials } = scratch;
  const calls = blockCalls(decoder, pass);
  lastBackward(commands, { decoder, parameters, batch, buffers, dx, dhidden, partials });
  const last = backwardEnd(decoder.tensors, parameters);
  // scratch.dx holds the residual stream's gradient; each block adds its own to it.
  for (const segment of buffers.segments.toReversed()) {
    if (last === null || segment.end <= last.layer) break;
    if (segment.end < calls.length) recompute(commands, { ...pass, calls, segment });
    for (let n = segment.end - 1; n >= Math.max(segment.first, last.layer); n--) {
      const call = { ...calls[n]!, scratch };
      const endsIn = n === last.layer ? last.block : null;
      mlpBlockBackward(commands, { ...call, needsInput: endsIn !== "mlp" || last.needsInput });
      if (endsIn === "mlp") break;
      attentionBlockBackward(commands, {
        ...call,
        needsInput: endsIn === null || last.needsInput,
        attendBackward: (buffers) => attention.attendBackward(n, buffers),
      });
    }
  }
  embedTokensBackward(commands, decoder, { parameters, index, dx });
}

/** Records the activations of a segment once more, from its first layer's input. */
function recompute(
  commands: Commands,
  { calls, segment: { first, end }, ...pass }: Pick<DecoderBackward, "attention" | "buffers"> & {
    calls: readonly BlockForward[];
    segment: Segment;
  },
): void {
  readStream(commands, calls[first]!, "attention");
  for (let n = first; n < end; n++) {
    const call = calls[n]!;
    const next = calls[n + 1]!;
    layerAttention(commands, call, { ...pass, n, next });
    // The last one's output is the input of the next segment, which has been kept.
    if (n === end - 1) mlpActivations(commands, call);
    else {
      mlpBlock(commands, call);
      addToStream(commands, call, { block: "mlp", next, buffers: pass.buffers });
    }
  }
}
