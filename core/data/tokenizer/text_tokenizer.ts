/** All of a tokenizer.json: text to ids and back, with the ids of Rust's library. @module */
import { UserError } from "../../error.ts";
import type { JsonObject, JsonValue } from "../formats/json_rows.ts";
import { AddedTokens } from "./added_tokens.ts";
import { readBpe } from "./bpe_model.ts";
import { readDecoder } from "./decoders.ts";
import { readNormalizer } from "./normalizers.ts";
import { readPostProcessor } from "./post_processors.ts";
import { readPreTokenizer } from "./pre_tokenizers.ts";
import { longestText } from "./text_growth.ts";
import { PieceCache, type TokenModel } from "./token_model.ts";
import { type MODEL_TYPES, modelType } from "./tokenizer_json.ts";
import { TokenizerPart } from "./tokenizer_part.ts";
import { readUnigram } from "./unigram_model.ts";
import { readWordLevel, readWordPiece } from "./word_models.ts";

const MODELS: Readonly<Record<typeof MODEL_TYPES[number], (part: TokenizerPart) => TokenModel>> = {
  BPE: readBpe,
  Unigram: readUnigram,
  WordPiece: readWordPiece,
  WordLevel: readWordLevel,
};

/** A tokenizer as tokenizer.json describes it. */
export class TextTokenizer {
  readonly #model: TokenModel;
  readonly #texts: readonly (string | undefined)[];
  readonly #added: AddedTokens;
  readonly #normalize: ReturnType<typeof readNormalizer>;
  readonly #preTokenizer: ReturnType<typeof readPreTokenizer>;
  readonly #process: ReturnType<typeof readPostProcessor>;
  readonly #decode: ReturnType<typeof readDecoder>;
  readonly #cache: PieceCache;

  /** Throws a UserError that names what is not supported. `json` is checked by `checkTokenizerJson`. */
  constructor(json: JsonObject) {
    const part = new TokenizerPart(json.model as JsonObject, "model");
    this.#model = MODELS[modelType(part.json)](part);
    this.#normalize = readNormalizer(json.normalizer);
    this.#preTokenizer = readPreTokenizer(json.pre_tokenizer, { normalizes: this.#normalize !== null });
    const { finish } = this.#preTokenizer;
    const model = this.#model;
    this.#cache = new PieceCache(
      finish === null ? (piece, ids) => model.encode(piece, ids) : (piece, ids) => model.encode(finish(piece), ids),
    );
    this.#process = readPostProcessor(json.post_processor);
    this.#decode = readDecoder(json.decoder);
    const { vocab } = this.#model;
    this.#added = new AddedTokens(json.added_tokens as JsonValue[], { vocab, normalize: this.#normalize });
    const list = part.json.vocab;
    this.#texts = textsById(
      Array.isArray(list) ? list.map((piece, id) => [(piece as [string, number])[0], id]) : vocab,
      this.#added.texts,
    );
  }

  /** The largest token id plus one. */
  get vocabSize(): number {
    return this.#texts.length;
  }

  idOf(token: string): number | undefined {
    return this.#added.ids.get(token) ?? this.#model.vocab.get(token);
  }

  encode(text: string, { addSpecialTokens }: { addSpecialTokens: boolean }): number[] {
    const ids: number[] = [];
    const limit = longestText(text.length);
    for (const part of this.#added.cutPlain(text.toWellFormed())) {
      if ("id" in part) ids.push(part.id);
      else {
        const normalized = this.#normalize?.(part.text, limit) ?? part.text;
        for (const inner of this.#added.cutNormalized(normalized)) {
          if ("id" in inner) ids.push(inner.id);
          else this.#encodeText(inner.text, { atStart: part.start === 0 && inner.start === 0, limit, ids });
        }
      }
    }
    return this.#process(ids, addSpecialTokens);
  }

  #encodeText(text: string, { atStart, limit, ids }: { atStart: boolean; limit: number; ids: number[] }): void {
    const { split } = this.#preTokenizer;
    for (const piece of split({ texts: [text], atStart }, limit).texts) this.#cache.encode(piece, ids);
  }

  decode(ids: readonly number[], { skipSpecialTokens }: { skipSpecialTokens: boolean }): string {
    const tokens: string[] = [];
    for (const id of ids) {
      const text = this.#texts[id];
      if (text === undefined || (skipSpecialTokens && this.#added.special.has(text))) continue;
      tokens.push(text);
    }
    return tokens.length === 0 ? "" : this.#decode(tokens);
  }
}

/** The texts of all tokens; ids without one are holes. */
function textsById(
  vocab: Iterable<[string, number]>,
  added: ReadonlyMap<number, string>,
): (string | undefined)[] {
  const texts: (string | undefined)[] = [];
  for (const [text, id] of vocab) {
    if (texts[id] !== undefined) throw new UserError(`two tokens of "model.vocab" have the id ${id}`);
    texts[id] = text;
  }
  for (const [id, text] of added) texts[id] = text;
  return texts;
}
