/** Checks the tokens of a tokenizer.json; what reads its parts checks those. @module */
import { UserError } from "../../error.ts";
import { isRecord } from "../../values.ts";
import { describe } from "../formats/data_problems.ts";
import type { JsonObject, JsonValue } from "../formats/json_rows.ts";

/** The limit of token ids, above any published vocabulary: ids become array indices in the tokenizer. */
const MAX_VOCAB = 1 << 24;

/** The types of models. */
export const MODEL_TYPES = ["BPE", "WordPiece", "WordLevel", "Unigram"] as const;

/** The type of a model, which old files leave out. Throws a UserError for another. */
export function modelType(model: JsonObject): typeof MODEL_TYPES[number] {
  const { type, vocab, merges } = model;
  const found = type !== undefined
    ? MODEL_TYPES.find((each) => each === type)
    : Array.isArray(vocab)
    ? "Unigram"
    : merges !== undefined
    ? "BPE"
    : Object.hasOwn(model, "max_input_chars_per_word")
    ? "WordPiece"
    : "WordLevel";
  if (found === undefined) {
    throw new UserError(`"model.type" is ${describe(type)}, expected ${MODEL_TYPES.join(", ")}`);
  }
  return found;
}

/** Throws a UserError that names the key if the object cannot be a tokenizer. */
export function checkTokenizerJson(json: JsonObject): void {
  const { model, added_tokens: added } = json;
  if (!isRecord(model)) throw new UserError('"model" is not an object');
  if (!Array.isArray(added)) throw new UserError('"added_tokens" is not a list');
  for (const [i, token] of added.entries()) {
    if (!isRecord(token)) throw new UserError(`"added_tokens[${i}]" is ${describe(token)}, expected an object`);
    checkId(token.id ?? null);
    if (typeof token.content !== "string" || token.content === "") {
      throw new UserError(`"added_tokens[${i}].content" is ${describe(token.content)}, expected text`);
    }
  }
  checkVocab(model);
}

function checkVocab(model: JsonObject): void {
  const type = modelType(model);
  const { vocab } = model;
  if (type === "Unigram") {
    if (!Array.isArray(vocab)) throw new UserError(`"model.vocab" is ${describe(vocab)}, expected a list`);
    for (const [i, piece] of vocab.entries()) {
      if (Array.isArray(piece) && piece.length === 2 && typeof piece[0] === "string" && typeof piece[1] === "number") {
        continue;
      }
      throw new UserError(`"model.vocab[${i}]" is ${describe(piece)}, expected a list of text and score`);
    }
    return;
  }
  if (!isRecord(vocab)) throw new UserError(`"model.vocab" is ${describe(vocab)}, expected an object`);
  for (const token in vocab) checkId((vocab as JsonObject)[token]!);
}

/** Checks a token's id: the tokenizer makes arrays as long as the largest id. */
function checkId(id: JsonValue): void {
  if (!Number.isInteger(id) || (id as number) < 0 || (id as number) >= MAX_VOCAB) {
    throw new UserError(`a token id is ${describe(id)}, expected an integer from 0 to ${MAX_VOCAB - 1}`);
  }
}
