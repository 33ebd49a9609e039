/** llama.cpp's names of a model's tensors. @module */
import { modelTensors } from "../model/families/families.ts";
import type { ModelConfig } from "../model/families/family.ts";
import type { LinearTensors, ParameterShape } from "../model/families/model_tensors.ts";

/** A tensor in a GGUF file. */
export interface GgufName {
  /** Its name there. */
  readonly from: string;
  /** The parameter that it is. */
  readonly to: ParameterShape;
  /** Heads whose rows are interleaved there; 0 for none. */
  readonly heads: number;
}

/**
 * The tensors of a model in a GGUF file's order. `interleaves` says whether q and k are stored with the two halves of
 * each head interleaved, as llama.cpp's RoPE of Llama has them.
 */
export function ggufNames(config: ModelConfig, interleaves: boolean): GgufName[] {
  const { embedding, layers, finalNorm, head } = modelTensors(config);
  const heads = interleaves ? [config.numHeads, config.numKvHeads] : [];
  const one = (from: string, to: ParameterShape): GgufName => ({ from: `${from}.weight`, to, heads: 0 });
  const linear = (tensors: LinearTensors, names: readonly string[], interleaved: readonly number[] = []): GgufName[] =>
    names.flatMap((name, i) => [
      { ...one(name, tensors.weights[i]!), heads: interleaved[i] ?? 0 },
      ...tensors.biases.slice(i, i + 1).map((to) => ({ from: `${name}.bias`, to, heads: interleaved[i] ?? 0 })),
    ]);
  return [
    one("token_embd", embedding),
    ...layers.flatMap(({ attentionNorm, qkv, headNorms, output, mlpNorm, gateUp, down }, n) =>
      [
        one("attn_norm", attentionNorm),
        ...linear(qkv, ["attn_q", "attn_k", "attn_v"], heads),
        ...headNorms === null ? [] : [one("attn_q_norm", headNorms.q), one("attn_k_norm", headNorms.k)],
        ...linear(output, ["attn_output"]),
        one("ffn_norm", mlpNorm),
        ...linear(gateUp, ["ffn_gate", "ffn_up"]),
        ...linear(down, ["ffn_down"]),
      ].map((name) => ({ ...name, from: `blk.${n}.${name.from}` }))
    ),
    one("output_norm", finalNorm),
    // Without a head of its own, llama.cpp takes the embedding.
    ...head === embedding ? [] : [one("output", head)],
  ];
}
