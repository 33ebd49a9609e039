/** The quick start's model before any training: its config and its random weights. @module */
import { createRandom } from "./seeded_random.ts";
import { EOS_ID, PAD_ID, VOCAB_SIZE } from "./word_tokenizer.ts";

/** The sizes of a Llama that its weights follow from, under config.json's names; a head has hidden_size / heads. */
export interface LlamaSizes {
  /** Rows of the embedding. */
  vocab_size: number;
  /** Width of the residual stream. */
  hidden_size: number;
  /** Width of the MLP. */
  intermediate_size: number;
  /** Decoder layers. */
  num_hidden_layers: number;
  /** Query heads. */
  num_attention_heads: number;
  /** Key and value heads. */
  num_key_value_heads: number;
}

/** config.json: 104,768 parameters. */
export const MODEL_CONFIG = {
  architectures: ["LlamaForCausalLM"],
  attention_bias: false,
  attention_dropout: 0,
  bos_token_id: null,
  eos_token_id: EOS_ID,
  hidden_act: "silu",
  hidden_size: 64,
  intermediate_size: 176,
  max_position_embeddings: 64,
  mlp_bias: false,
  model_type: "llama",
  num_attention_heads: 4,
  num_hidden_layers: 2,
  num_key_value_heads: 4,
  pad_token_id: PAD_ID,
  rms_norm_eps: 1e-5,
  rope_scaling: null,
  rope_theta: 10000,
  tie_word_embeddings: false,
  torch_dtype: "float32",
  use_cache: true,
  vocab_size: VOCAB_SIZE,
} as const;

/** generation_config.json. */
export const GENERATION_CONFIG = { eos_token_id: EOS_ID, pad_token_id: PAD_ID } as const;

/**
 * Weights by Hugging Face name, row-major, of PyTorch's sizes: embedding normal with deviation 1, matrices uniform within
 * ±1/√columns, norms one. With transformers' deviation of 0.02 fine-tuning ends at weights so small that the iterations'
 * steps, whose size does not depend on the weights', undo what was learned.
 */
export function initialWeights(config: LlamaSizes, seed: number): Map<string, Float32Array<ArrayBuffer>> {
  const { hidden_size: hidden, intermediate_size: intermediate, vocab_size: vocab } = config;
  const kv = hidden / config.num_attention_heads * config.num_key_value_heads;
  const random = createRandom(seed);
  const weights = new Map<string, Float32Array<ArrayBuffer>>();
  const matrix = (name: string, rows: number, columns: number): void => {
    const values = new Float32Array(rows * columns);
    weights.set(`${name}.weight`, values.map(() => (2 * random.uniform() - 1) / Math.sqrt(columns)));
  };
  const norm = (name: string): void => {
    weights.set(`${name}.weight`, new Float32Array(hidden).fill(1));
  };
  weights.set("model.embed_tokens.weight", new Float32Array(vocab * hidden).map(() => random.normal()));
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const prefix = `model.layers.${layer}`;
    norm(`${prefix}.input_layernorm`);
    matrix(`${prefix}.self_attn.q_proj`, hidden, hidden);
    matrix(`${prefix}.self_attn.k_proj`, kv, hidden);
    matrix(`${prefix}.self_attn.v_proj`, kv, hidden);
    matrix(`${prefix}.self_attn.o_proj`, hidden, hidden);
    norm(`${prefix}.post_attention_layernorm`);
    matrix(`${prefix}.mlp.gate_proj`, intermediate, hidden);
    matrix(`${prefix}.mlp.up_proj`, intermediate, hidden);
    matrix(`${prefix}.mlp.down_proj`, hidden, intermediate);
  }
  norm("model.norm");
  matrix("lm_head", vocab, hidden);
  return weights;
}
