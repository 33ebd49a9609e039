/**
 * The residual stream: where the norms of a layer are (`LayerSpec.norms`), what a block reads of the stream and how its
 * output is added to it, forward and backward. The blocks themselves know nothing about norms. @module
 */
import type { Commands } from "../../kernels/device/commands.ts";
import type { Slice } from "../../kernels/device/slice.ts";
import { addRmsNorm, rmsNorm } from "../../kernels/norm/rms_norm.ts";
import type { ForwardBuffers } from "./activations.ts";
import type { BlockBackward, BlockCall, BlockForward, Decoder, TokenBuffers } from "./decoder_types.ts";
import type { ParameterShape } from "./families/model_tensors.ts";
import { normBackward } from "./norm_backward.ts";
import type { Parameters } from "./parameters.ts";

/** A block of a layer. */
export type Block = "attention" | "mlp";

/** A place in the stream: the sum so far [T, D], and the norm through which the next block or the LM head reads it. */
interface Place {
  sum: Slice;
  /** Overwritten by the norm: [T, D], and 1/rms [T]. */
  normed: Slice;
  invRms: Slice;
  norm: ParameterShape;
}

type Norms = Pick<BlockCall, "decoder" | "parameters" | "batch">;

/** Where a block reads the stream. */
function placeOf({ tensors, layer }: Pick<BlockCall, "tensors" | "layer">, block: Block): Place {
  const { normed } = layer;
  return block === "attention"
    ? { sum: layer.x, normed, invRms: layer.inputInvRms, norm: tensors.attentionNorm }
    : { sum: layer.mid, normed, invRms: layer.midInvRms, norm: tensors.mlpNorm };
}

/** Where the LM head reads the stream. */
function lastPlace({ tensors }: Decoder, { last, hidden, lastInvRms }: ForwardBuffers): Place {
  return { sum: last, normed: hidden, invRms: lastInvRms, norm: tensors.finalNorm };
}

function normOptions({ decoder: { config }, parameters, batch }: Norms, { normed, invRms, norm }: Place) {
  return {
    y: normed,
    invRms,
    weight: parameters.get(norm.name).data,
    rows: batch.tokens,
    columns: config.hiddenSize,
    eps: config.rmsNormEps,
  };
}

/**
 * Records the norm through which a block reads the stream. It is needed before the first block, and again in the
 * backward pass, since all layers share the buffer of the normed input.
 */
export function readStream(commands: Commands, call: BlockCall, block: Block): void {
  const place = placeOf(call, block);
  rmsNorm(commands, { ...normOptions(call, place), x: place.sum });
}

/**
 * Records adding a block's `projected` to the stream, and the norm through which the next block reads it. `next` is the
 * next layer; after the last one it is null, and the LM head reads the stream.
 */
export function addToStream(
  commands: Commands,
  call: BlockForward,
  { block, next, buffers }: { block: Block; next: BlockCall | null; buffers: ForwardBuffers },
): void {
  const to = block === "attention"
    ? placeOf(call, "mlp")
    : next === null
    ? lastPlace(call.decoder, buffers)
    : placeOf(next, "attention");
  addRmsNorm(commands, {
    ...normOptions(call, to),
    sum: to.sum,
    a: placeOf(call, block).sum,
    b: call.projected,
  });
}

/** Records the gradient of the stream from `dhidden`, that of what the LM head reads. Overwrites `dx`. */
export function lastBackward(
  commands: Commands,
  { decoder, parameters, batch, buffers, dx, dhidden, partials }: {
    decoder: Decoder;
    parameters: Parameters;
    batch: TokenBuffers;
    buffers: ForwardBuffers;
    dx: Slice;
    dhidden: Slice;
    partials: Slice;
  },
): void {
  const { sum: x, invRms, norm } = lastPlace(decoder, buffers);
  normBackward(commands, norm, {
    dx,
    accumulate: false,
    dy: dhidden,
    x,
    invRms,
    parameters,
    partials,
    rows: batch.tokens,
  });
}

/** The gradient of a block's `projected`. It may be the stream's own buffer, so the caller must not write to it. */
export function outputGradient(_commands: Commands, { spec, scratch }: BlockBackward, _block: Block): Slice {
  switch (spec.norms) {
    case "pre":
      return scratch.dx;
  }
}

/** Records the backward pass of the norm through which a block read: from `scratch.dnormed`, added to `scratch.dx`. */
export function readStreamBackward(commands: Commands, call: BlockBackward, block: Block): void {
  const { parameters, batch, scratch: { dx, dnormed, partials } } = call;
  const { sum: x, invRms, norm } = placeOf(call, block);
  normBackward(commands, norm, {
    dx,
    accumulate: true,
    dy: dnormed,
    x,
    invRms,
    parameters,
    partials,
    rows: batch.tokens,
  });
}
