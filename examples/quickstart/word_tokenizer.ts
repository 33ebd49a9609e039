/** The quick start's tokenizer: one token for every character. @module */

const PAD = "<pad>";
const UNKNOWN = "<unk>";
const EOS = "</s>";
const SPECIAL = [PAD, UNKNOWN, EOS];
const CHARACTERS = "\n >abcdefghijklmnopqrstuvwxyz";
const TOKENS = [...SPECIAL, ...CHARACTERS];

/** Number of tokens. */
export const VOCAB_SIZE: number = TOKENS.length;
/** The token that fills up batches elsewhere; nothing here pads. */
export const PAD_ID: number = TOKENS.indexOf(PAD);
/** The token that ends an answer. There is none that begins a text. */
export const EOS_ID: number = TOKENS.indexOf(EOS);

/** The tokenizer's files by name, as Hugging Face lays them out; `maxLength` is the model's. */
export function tokenizerFiles({ maxLength }: { maxLength: number }): Record<string, unknown> {
  const special = { eos_token: EOS, pad_token: PAD, unk_token: UNKNOWN };
  return {
    "tokenizer.json": {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: SPECIAL.map((content, id) => ({
        id,
        content,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      })),
      normalizer: null,
      pre_tokenizer: null,
      post_processor: null,
      // Without a decoder tokens would be joined by spaces.
      decoder: { type: "Fuse" },
      // BPE that has nothing to merge leaves characters.
      model: {
        type: "BPE",
        dropout: null,
        unk_token: UNKNOWN,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: false,
        vocab: Object.fromEntries(TOKENS.map((token, id) => [token, id])),
        merges: [],
      },
    },
    "tokenizer_config.json": {
      clean_up_tokenization_spaces: false,
      ...special,
      model_max_length: maxLength,
      tokenizer_class: "PreTrainedTokenizerFast",
    },
    "special_tokens_map.json": special,
  };
}
