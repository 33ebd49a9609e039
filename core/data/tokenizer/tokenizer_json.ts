/** Checks a tokenizer.json for anything that the package which reads it would misread or fail on. @module */
import { UserError } from "../../error.ts";
import { isRecord } from "../../values.ts";
import { describe, shortQuote } from "../formats/data_problems.ts";
import type { JsonObject, JsonValue } from "../formats/json_rows.ts";

/** The limit of token ids, above any published vocabulary: ids become array indices in the tokenizer. */
const MAX_VOCAB = 1 << 24;

/** The longest pattern, in characters, above that of any tokenizer. */
const MAX_PATTERN = 1 << 16;

const MODELS: readonly JsonValue[] = ["BPE", "Unigram", "WordPiece"];

/** For each kind of part, the key under which a sequence of them holds its parts. */
const SEQUENCES: Readonly<Record<string, string>> = {
  normalizer: "normalizers",
  pre_tokenizer: "pretokenizers",
  post_processor: "processors",
  decoder: "decoders",
};

/** Throws a UserError that names the key if the object cannot be a tokenizer. */
export function checkTokenizerJson(json: JsonObject): void {
  const { model, added_tokens: added } = json;
  if (!isRecord(model)) throw new UserError('"model" is not an object');
  if (!Array.isArray(added)) throw new UserError('"added_tokens" is not a list');
  // Old files have no type.
  if (model.type !== undefined && model.type !== null && !MODELS.includes(model.type)) {
    throw new UserError(`"model.type" is ${describe(model.type)}, expected ${MODELS.join(", ")}`);
  }
  for (const [i, token] of added.entries()) {
    if (!isRecord(token)) throw new UserError(`"added_tokens[${i}]" is ${describe(token)}, expected an object`);
    checkId(token.id ?? null);
    if (typeof token.content !== "string" || token.content === "") {
      throw new UserError(`"added_tokens[${i}].content" is ${describe(token.content)}, expected text`);
    }
  }
  checkVocab(model);
  for (const [key, list] of Object.entries(SEQUENCES)) checkPart(json[key], { key, list });
}

function checkVocab({ vocab, merges, continuing_subword_prefix: prefix }: JsonObject): void {
  if (Array.isArray(vocab)) {
    for (const [i, piece] of vocab.entries()) {
      if (Array.isArray(piece) && piece.length === 2 && typeof piece[0] === "string" && typeof piece[1] === "number") {
        continue;
      }
      throw new UserError(`"model.vocab[${i}]" is ${describe(piece)}, expected a list of text and score`);
    }
    return;
  }
  if (!isRecord(vocab)) throw new UserError(`"model.vocab" is ${describe(vocab)}, expected an object or a list`);
  for (const id of Object.values(vocab)) checkId(id);
  if (merges === undefined) return;
  if (!Array.isArray(merges)) throw new UserError(`"model.merges" is ${describe(merges)}, expected a list`);
  for (const [i, merge] of merges.entries()) {
    const pair = typeof merge === "string" ? merge.split(" ") : merge;
    if (!Array.isArray(pair) || pair.length !== 2 || !pair.every((part) => typeof part === "string")) {
      throw new UserError(`"model.merges[${i}]" is ${describe(merge)}, expected two tokens`);
    }
    const tokens = prefix ? pair as string[] : [...pair as string[], pair.join("")];
    const unknown = tokens.find((token) => !Object.hasOwn(vocab, token));
    if (unknown !== undefined) {
      throw new UserError(`"model.merges[${i}]": ${shortQuote(unknown)} is no token of "model.vocab"`);
    }
  }
}

/** Checks a token's id: the tokenizer makes arrays as long as the largest id. */
function checkId(id: JsonValue): void {
  if (!Number.isInteger(id) || (id as number) < 0 || (id as number) >= MAX_VOCAB) {
    throw new UserError(`a token id is ${describe(id)}, expected an integer from 0 to ${MAX_VOCAB - 1}`);
  }
}

/** Checks a normalizer, pre-tokenizer, post-processor or decoder; `list` is the key of the parts of a sequence. */
function checkPart(part: JsonValue | undefined, { key, list }: { key: string; list: string }): void {
  if (part === undefined || part === null) return;
  if (!isRecord(part)) throw new UserError(`"${key}" is ${describe(part)}, expected an object`);
  const { type, pattern, [list]: parts } = part;
  if (type === "Sequence") {
    if (!Array.isArray(parts)) throw new UserError(`"${key}.${list}" is ${describe(parts)}, expected a list`);
    for (const [i, item] of parts.entries()) checkPart(item, { key: `${key}.${list}[${i}]`, list });
  }
  if (pattern === undefined && type !== "Replace" && type !== "Split") return;
  const text = isRecord(pattern) ? pattern.Regex ?? pattern.String : undefined;
  if (typeof text !== "string") throw new UserError(`"${key}.pattern" is not {Regex} or {String}`);
  if (text.length > MAX_PATTERN) throw new UserError(`a pattern has ${text.length} characters`);
}
