/** Floating-point operations of the matrix products and attention of each stage. @module */
import { parameterShapes } from "../model/families/families.ts";
import type { ModelConfig } from "../model/families/family.ts";
import { layerSegments } from "../model/segments.ts";

/** The costs of a decoder; a multiplication and its addition count as two. */
export interface ModelCost {
  /** All parameters, a tied LM head once. */
  parameters: number;
  numLayers: number;
  /** FLOP of the layers' matrix products for one token. */
  layers: number;
  /** FLOP of the last product of one layer's MLP for one token. */
  down: number;
  /** FLOP of the attention of one query to one key, over all layers. */
  attention: number;
  /** FLOP of the LM head for one position. */
  head: number;
  vocab: number;
  hidden: number;
}

/** The costs of a model of this shape. */
export function modelCost(config: ModelConfig): ModelCost {
  let [parameters, layers] = [0, 0];
  for (const { name, shape } of parameterShapes(config)) {
    const elements = shape.reduce((a, b) => a * b, 1);
    parameters += elements;
    if (shape.length === 2 && name.startsWith("model.layers.")) layers += 2 * elements;
  }
  return {
    parameters,
    numLayers: config.numLayers,
    layers,
    down: 2 * config.intermediateSize * config.hiddenSize,
    attention: 4 * config.numHeads * config.headDim * config.numLayers,
    head: 2 * config.vocabSize * config.hiddenSize,
    vocab: config.vocabSize,
    hidden: config.hiddenSize,
  };
}

/** Counts of what runs through a model in a pass. */
export interface TokenCount {
  /** Tokens through the layers. */
  tokens: number;
  /** Query and key pairs of the attention. */
  pairs: number;
  /** Positions through the LM head. */
  entries: number;
}

/** Sums of counts. */
export function addCounts(a: TokenCount, b: TokenCount): TokenCount {
  return { tokens: a.tokens + b.tokens, pairs: a.pairs + b.pairs, entries: a.entries + b.entries };
}

/** The counts of a prompt with its responses, which share the prompt's tokens. */
export function countRow(prompt: number, responses: readonly number[]): TokenCount {
  let tokens = prompt;
  let pairs = prompt * (prompt + 1) / 2;
  let entries = 0;
  for (const length of responses) {
    // The last token of a response predicts nothing, and is not an input.
    const inputs = length - 1;
    tokens += inputs;
    pairs += inputs * prompt + inputs * (inputs + 1) / 2;
    entries += length;
  }
  return { tokens, pairs, entries };
}

/** FLOP of a forward pass. */
export function forwardFlop(cost: ModelCost, { tokens, pairs, entries }: TokenCount): number {
  return tokens * cost.layers + pairs * cost.attention + entries * cost.head;
}

/**
 * FLOP of a backward pass: both gradients of each product, or with a frozen base those of its inputs alone; attention
 * and the head's logits are computed again.
 */
export function backwardFlop(
  cost: ModelCost,
  { tokens, pairs, entries }: TokenCount,
  { isFrozen = false }: { isFrozen?: boolean } = {},
): number {
  const [layers, head] = isFrozen ? [1, 2] : [2, 3];
  return layers * tokens * cost.layers + 2.5 * pairs * cost.attention + head * entries * cost.head;
}

/**
 * FLOP of what a backward pass computes again with segments of `segment` layers: all segments but the last, each
 * without its last product. `adapters` are those of the adapters in a forward pass.
 */
export function recomputeFlop(
  { numLayers, layers, attention, down }: ModelCost,
  { tokens, pairs }: TokenCount,
  { segment, adapters = 0 }: { segment: number; adapters?: number },
): number {
  const again = layerSegments(numLayers, segment).slice(0, -1);
  const share = (again.at(-1)?.end ?? 0) / numLayers;
  return share * (tokens * layers + pairs * attention + adapters) - again.length * tokens * down;
}

/** FLOP of adapters whose A and B have `elements` in all, forward or backward, for `tokens` tokens. */
export function adapterFlop(elements: number, tokens: number, { backward }: { backward: boolean }): number {
  // Backward, x·Aᵀ is computed again, and both products have two gradients.
  return (backward ? 5 : 2) * elements * tokens;
}

/**
 * FLOP of the noise on `entries` rejected positions, besides the reference's logits: the generator's; backward, both
 * logits again and the gradient of its weight, which with a rank is two matrices.
 */
export function noiseFlop(
  { head, vocab, hidden }: ModelCost,
  entries: number,
  { backward, rank }: { backward: boolean; rank: number | undefined },
): number {
  if (rank === undefined) return (backward ? 3 : 1) * entries * head;
  const [up, down] = [2 * vocab * rank, 2 * rank * hidden];
  return entries * (backward ? head + 3 * up + down : up + down);
}
