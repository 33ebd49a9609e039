/**
 * The residual stream: where the norms of a layer stand (`LayerSpec.norms`), what a block reads of the stream and how its
 * output comes back to it, forward and backward. The blocks themselves know nothing of norms. @module
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

/** A place in the stream: its sum so far [T, D], and the norm through which the next block, or the LM head, reads it. */
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

/** Where the LM head reads it. */
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

/** Records what a block reads of its sum: before the first block, and again for the backward pass, as the buffer is all layers'. */
export function readStream(commands: Commands, call: BlockCall, block: Block): void {
  const place = placeOf(call, block);
  rmsNorm(commands, { ...normOptions(call, place), x: place.sum });
}

/** Records adding what a block left in `projected` to the stream, and what the next block (null: the LM head) reads then. */
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

/** Records the stream's gradient, `dx` overwritten, from the gradient at what the LM head reads. */
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

/** The gradient at what a block left in `projected`; it may be the stream's own, which is to stay as it is. */
export function outputGradient(_commands: Commands, { spec, scratch }: BlockBackward, _block: Block): Slice {
  switch (spec.norms) {
    case "pre":
      return scratch.dx;
  }
}

/** Records adding `scratch.dnormed`, the gradient at what a block read, to the stream's. */
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
