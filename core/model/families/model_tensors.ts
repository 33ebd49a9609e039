/** A model's tensors, by role and in the order in which they are stored. @module */

/** Name and shape of a parameter. */
export interface ParameterShape {
  /** Hugging Face name. */
  readonly name: string;
  /** Sizes; a projection's weight is [out, in]. */
  readonly shape: readonly number[];
}

/** The tensors of a linear layer, whose rows lie end to end and act as one matrix. */
export interface LinearTensors {
  /** [out, in] each. */
  readonly weights: readonly ParameterShape[];
  /** [out] each; empty without a bias. */
  readonly biases: readonly ParameterShape[];
}

/** The tensors of one layer. */
export interface LayerTensors {
  /** Weight of the norm before the attention. */
  readonly attentionNorm: ParameterShape;
  /** q, k, v. */
  readonly qkv: LinearTensors;
  /** Weights of the norms of the heads of q and k; null if there are none. */
  readonly headNorms: { readonly q: ParameterShape; readonly k: ParameterShape } | null;
  readonly output: LinearTensors;
  /** Weight of the norm before the MLP. */
  readonly mlpNorm: ParameterShape;
  /** gate, up. */
  readonly gateUp: LinearTensors;
  readonly down: LinearTensors;
}

/** The tensors of a model. */
export interface ModelTensors {
  /** [vocab, hidden]. */
  readonly embedding: ParameterShape;
  readonly layers: readonly LayerTensors[];
  /** Weight of the norm after the last layer. */
  readonly finalNorm: ParameterShape;
  /** The LM head, [vocab, hidden]: the embedding itself if the two are tied. */
  readonly head: ParameterShape;
}

/** All tensors in their canonical order: embedding, layers, last norm, LM head (left out if it is tied). */
export function listTensors({ embedding, layers, finalNorm, head }: ModelTensors): ParameterShape[] {
  const linear = ({ weights, biases }: LinearTensors): ParameterShape[] =>
    weights.flatMap((weight, i) => biases[i] === undefined ? [weight] : [weight, biases[i]]);
  return [
    embedding,
    ...layers.flatMap(({ attentionNorm, qkv, headNorms, output, mlpNorm, gateUp, down }) => [
      attentionNorm,
      ...linear(qkv),
      ...linear(output),
      ...headNorms === null ? [] : [headNorms.q, headNorms.k],
      mlpNorm,
      ...linear(gateUp),
      ...linear(down),
    ]),
    finalNorm,
    ...head === embedding ? [] : [head],
  ];
}

/** Number of elements of a shape. */
export function elementsOf({ shape }: Pick<ParameterShape, "shape">): number {
  return shape.reduce((product, size) => product * size, 1);
}
