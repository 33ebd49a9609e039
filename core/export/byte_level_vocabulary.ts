/** Vocabularies of byte-level BPE, which GGUF calls `gpt2`. @module */
import type { JsonObject } from "../data/formats/json_rows.ts";
import { mergePairs } from "../data/tokenizer/bpe_model.ts";
import { BYTE_LETTERS } from "../data/tokenizer/byte_letters.ts";
import { NORMALIZER_TYPES } from "../data/tokenizer/normalizers.ts";
import { preTokenizerName } from "../data/tokenizer/pre_tokenizer_name.ts";
import { partsOf, TokenizerPart } from "../data/tokenizer/tokenizer_part.ts";
import { UserError } from "../error.ts";
import { quote } from "../values.ts";
import { listTokens } from "./token_list.ts";
import { addedTokenNotes, refuseSettings, type Vocabulary } from "./vocabulary.ts";

/**
 * The vocabulary of a tokenizer.json with byte-level BPE. `pre` is llama.cpp's name of the pre-tokenizer, if the user
 * gives it. Throws a UserError that says what llama.cpp cannot do.
 */
export function byteLevelVocabulary(
  json: JsonObject,
  { size, pre }: { size: number; pre: string | undefined },
): Vocabulary {
  refuseSettings(json, { continuing_subword_prefix: null, end_of_word_suffix: null, byte_fallback: false });
  refuseUnknown(json.model as JsonObject);
  const { texts, types } = listTokens(json, { size, hasBytes: false });
  const merges = mergePairs(new TokenizerPart(json.model as JsonObject, "model")).map(({ left, right }, rank) => {
    if (!left.includes(" ") && !right.includes(" ")) return `${left} ${right}`;
    throw new UserError(`"model.merges[${rank}]" has a space in a token, expected letters of bytes`);
  });
  return {
    metadata: [
      ["tokenizer.ggml.model", { text: "gpt2" }],
      ["tokenizer.ggml.pre", { text: pre ?? nameOf(json) }],
      ["tokenizer.ggml.tokens", { texts }],
      ["tokenizer.ggml.token_type", { int32s: types }],
      ["tokenizer.ggml.merges", { texts: merges }],
    ],
    notes: [...normalizerNotes(json), ...addedTokenNotes(json)],
  };
}

function nameOf(json: JsonObject): string {
  const found = preTokenizerName(json);
  if ("name" in found) return found.name;
  throw new UserError(
    `llama.cpp has no name for its pre_tokenizer (${found.unknown}), expected that of Llama 3, Qwen2, GPT-2, SmolLM or ` +
      `Mistral's Tekken, or --pre with the name if llama.cpp has one`,
  );
}

/** llama.cpp leaves out bytes that are no token, where Rust's library writes the unknown token. */
function refuseUnknown(model: JsonObject): void {
  if (model.unk_token === null || model.unk_token === undefined) return;
  const missing = BYTE_LETTERS.findIndex((letter) => !Object.hasOwn(model.vocab as JsonObject, letter));
  if (missing === -1) return;
  throw new UserError(
    `"model.unk_token" is ${quote(model.unk_token)} and byte ${missing} is no token, expected a token for each byte`,
  );
}

function normalizerNotes(json: JsonObject): string[] {
  const parts = partsOf(json.normalizer, { key: "normalizer", list: "normalizers", types: NORMALIZER_TYPES });
  const other = parts.find(({ type }) => type !== "NFC");
  if (other !== undefined) {
    throw new UserError(`"${other.key}" is ${other.type}, which llama.cpp has not, expected none`);
  }
  return parts.length === 0 ? [] : ["llama.cpp does not compose characters (NFC) as this tokenizer does"];
}
