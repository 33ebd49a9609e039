/**
 * The benchmark's Llama written in jax-js: `jit` around the whole of a step or a token. Optax is not on npm, so that AdamW
 * is written here as PyTorch computes it. Every operation consumes its arguments; `.ref` keeps one for another use.
 *
 * @module
 */
import { type Array as JaxArray, nn, numpy as np } from "@jax-js/jax";

/** Sizes and constants, as peers/torch_peer.py has them, and where the LM head is. */
export interface JaxConfig {
  layers: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  eps: number;
  theta: number;
  /** Name of the LM head's weight. */
  head: string;
}

/** Weights by Hugging Face's names. */
export type Parameters = Record<string, JaxArray>;

const BIG = 1e30;

/** x · Wᵀ. */
function linear(x: JaxArray, weight: JaxArray): JaxArray {
  return np.matmul(x, np.transpose(weight));
}

function norm(x: JaxArray, weight: JaxArray, eps: number): JaxArray {
  const mean = np.mean(np.square(x.ref), -1, { keepdims: true });
  return x.mul(np.reciprocal(np.sqrt(mean.add(eps)))).mul(weight);
}

/** cos and sin [length, headDim] of the rotary angles at positions 0 … length − 1, flat. */
export function rotaryTables(
  { headDim, theta }: JaxConfig,
  length: number,
): [cos: Float32Array<ArrayBuffer>, sin: Float32Array<ArrayBuffer>] {
  const table = (f: (angle: number) => number): Float32Array<ArrayBuffer> =>
    Float32Array.from({ length: length * headDim }, (_, i) => {
      const frequency = theta ** (-2 * (i % headDim % (headDim / 2)) / headDim);
      return f(Math.floor(i / headDim) * frequency);
    });
  return [table(Math.cos), table(Math.sin)];
}

/** x [rows, heads, …, headDim] turned by cos and sin, which broadcast to it. */
function rotate(x: JaxArray, cos: JaxArray, sin: JaxArray): JaxArray {
  const [low, high] = np.split(x.ref, 2, -1) as [JaxArray, JaxArray];
  return x.mul(cos).add(np.concatenate([high.neg(), low], -1).mul(sin));
}

/** The layers' weights are used once each, the embedding and the head perhaps twice. */
function layerWeights(p: Parameters, n: number): (name: string) => JaxArray {
  return (name) => p[`model.layers.${n}.${name}.weight`]!.ref;
}

function mlp(x: JaxArray, w: (name: string) => JaxArray, eps: number): JaxArray {
  const h = norm(x.ref, w("post_attention_layernorm"), eps);
  const gate = nn.silu(linear(h.ref, w("mlp.gate_proj")));
  return x.add(linear(gate.mul(linear(h, w("mlp.up_proj"))), w("mlp.down_proj")));
}

/** Name of the embedding, which is looked up outside of what is differentiated under `jit`. */
export const EMBEDDING = "model.embed_tokens.weight";

/** The tokens' embeddings [sequences, length, hidden]. */
export function embed(weight: JaxArray, ids: JaxArray): JaxArray {
  return np.take(weight, ids, 0);
}

/** The embedding's gradient: a product with one-hot rows, as naga refuses the shader of jax-js 0.1.25's scatter. */
export function embedGradient(
  dx: JaxArray,
  { ids, vocab, hidden }: { ids: JaxArray; vocab: number; hidden: number },
): JaxArray {
  const hot = nn.oneHot(ids.reshape([-1]), vocab);
  return np.matmul(np.transpose(hot), dx.reshape([-1, hidden]));
}

/** Summed log-probabilities [sequences] of `targets` (int32) at the tokens whose embeddings are x [sequences, length, hidden]. */
export function logps(
  p: Parameters,
  { x: embedded, targets, cos, sin }: { x: JaxArray; targets: JaxArray; cos: JaxArray; sin: JaxArray },
  config: JaxConfig,
): JaxArray {
  const [rows, length] = embedded.shape as [number, number];
  const { heads, headDim, eps } = config;
  const split = (x: JaxArray): JaxArray => x.reshape([rows, length, heads, headDim]).transpose([0, 2, 1, 3]);
  const place = np.arange(length);
  const mask = np.where(place.ref.reshape([length, 1]).less(place), -BIG, 0);
  let x = embedded;
  for (let n = 0; n < config.layers; n++) {
    const w = layerWeights(p, n);
    const h = norm(x.ref, w("input_layernorm"), eps);
    const q = rotate(split(linear(h.ref, w("self_attn.q_proj"))), cos.ref, sin.ref);
    const k = rotate(split(linear(h.ref, w("self_attn.k_proj"))), cos.ref, sin.ref);
    const v = split(linear(h, w("self_attn.v_proj")));
    const scores = np.matmul(q, k.transpose([0, 1, 3, 2])).mul(1 / Math.sqrt(headDim)).add(mask.ref);
    const attended = np.matmul(nn.softmax(scores, -1), v).transpose([0, 2, 1, 3]).reshape([
      rows,
      length,
      heads * headDim,
    ]);
    x = mlp(x.add(linear(attended, w("self_attn.o_proj"))), w, eps);
  }
  for (const table of [cos, sin, mask]) table.dispose();
  const logits = linear(norm(x, p["model.norm.weight"]!.ref, eps), p[config.head]!.ref);
  // A comparison, as the gradient of a gather cannot be under `jit` (0.1.25: "routine primitive scatter input is not imm").
  const hit = np.arange(logits.shape[2]!).equal(targets.reshape([rows, length, 1]));
  return np.sum(np.where(hit, nn.logSoftmax(logits, -1), 0), [1, 2]);
}

/** What a step works on: rows 2i are chosen, rows 2i + 1 rejected. */
export interface StepInputs {
  targets: JaxArray;
  cos: JaxArray;
  sin: JaxArray;
  /** Summed log-probabilities under the reference [sequences]. */
  reference: JaxArray;
}

/** Mean DPO loss of the batch whose embeddings are x. */
export function dpoLoss(
  p: Parameters,
  x: JaxArray,
  { inputs: { reference, ...batch }, config, beta }: { inputs: StepInputs; config: JaxConfig; beta: number },
): JaxArray {
  const ratio = logps(p, { x, ...batch }, config).sub(reference);
  const pairs = ratio.reshape([ratio.shape[0]! / 2, 2]);
  const [chosen, rejected] = np.split(pairs, 2, 1) as [JaxArray, JaxArray];
  return np.mean(nn.softplus(chosen.sub(rejected).mul(-beta)));
}

/** AdamW's moments. */
export type Moments = {
  m: Parameters;
  v: Parameters;
};

/** One step of AdamW without weight decay, after clipping to a global norm of `maxNorm`: values, moments and the norm. */
export function adamw(
  p: Parameters,
  { m, v }: Moments,
  { gradients, step, lr, maxNorm }: { gradients: Parameters; step: JaxArray; lr: number; maxNorm: number },
): [Parameters, Moments, JaxArray] {
  const names = Object.keys(p);
  const total = names.map((name) => np.sum(np.square(gradients[name]!.ref))).reduce((a, b) => a.add(b));
  const size = np.sqrt(total);
  const factor = np.minimum(np.reciprocal(size.ref.add(1e-6)).mul(maxNorm), 1);
  const bias = (beta: number): JaxArray => np.array(1).sub(np.exp(step.ref.mul(Math.log(beta))));
  const [c1, c2] = [np.reciprocal(bias(0.9)), np.reciprocal(bias(0.999))];
  const out: { p: Parameters } & Moments = { p: {}, m: {}, v: {} };
  for (const name of names) {
    const g = gradients[name]!.mul(factor.ref);
    out.m[name] = m[name]!.mul(0.9).add(g.ref.mul(0.1));
    out.v[name] = v[name]!.mul(0.999).add(np.square(g).mul(0.001));
    const scale = np.sqrt(out.v[name]!.ref.mul(c2.ref)).add(1e-8);
    out.p[name] = p[name]!.sub(out.m[name]!.ref.mul(c1.ref).mul(np.reciprocal(scale)).mul(lr));
  }
  for (const value of [factor, c1, c2, step]) value.dispose();
  return [out.p, { m: out.m, v: out.v }, size];
}

/** Keys and values of all layers: [layers, rows, kvHeads, length, headDim] each. */
export type Cache = {
  k: JaxArray[];
  v: JaxArray[];
};

/** Greedy decoding of one token a row: the next tokens [rows] and the cache with this token's keys and values. */
export function decode(
  p: Parameters,
  cache: Cache,
  { tokens, position, cos, sin }: { tokens: JaxArray; position: JaxArray; cos: JaxArray; sin: JaxArray },
  config: JaxConfig,
): [JaxArray, Cache] {
  const [rows] = tokens.shape as [number];
  const { heads, kvHeads, headDim, eps } = config;
  const group = heads / kvHeads;
  const length = cache.k[0]!.shape[2]!;
  const place = np.arange(length).reshape([1, 1, length, 1]);
  const here = place.ref.equal(position.ref);
  const mask = np.where(place.reshape([1, 1, 1, length]).greater(position.ref), -BIG, 0);
  const [c, s] = [cos, sin].map((table) => np.take(table, position.ref, 0).reshape([1, 1, headDim])) as [
    JaxArray,
    JaxArray,
  ];
  position.dispose();
  const out: Cache = { k: [], v: [] };
  const split = (x: JaxArray, n: number): JaxArray => x.reshape([rows, n, headDim]);
  const put = (old: JaxArray, fresh: JaxArray): JaxArray =>
    np.where(here.ref, fresh.reshape([rows, kvHeads, 1, headDim]), old);
  let x = embed(p[EMBEDDING]!.ref, tokens);
  for (let n = 0; n < config.layers; n++) {
    const w = layerWeights(p, n);
    const h = norm(x.ref, w("input_layernorm"), eps);
    const q = rotate(split(linear(h.ref, w("self_attn.q_proj")), heads), c.ref, s.ref);
    const k = put(cache.k[n]!, rotate(split(linear(h.ref, w("self_attn.k_proj")), kvHeads), c.ref, s.ref));
    const v = put(cache.v[n]!, split(linear(h, w("self_attn.v_proj")), kvHeads));
    out.k.push(k);
    out.v.push(v);
    const scores = np.matmul(q.reshape([rows, kvHeads, group, headDim]), k.ref.transpose([0, 1, 3, 2]))
      .mul(1 / Math.sqrt(headDim)).add(mask.ref);
    const attended = np.matmul(nn.softmax(scores, -1), v.ref).reshape([rows, heads * headDim]);
    x = mlp(x.add(linear(attended, w("self_attn.o_proj"))), w, eps);
  }
  for (const value of [here, mask, c, s]) value.dispose();
  const logits = linear(norm(x, p["model.norm.weight"]!.ref, eps), p[config.head]!.ref);
  return [np.argmax(logits, -1), out];
}
