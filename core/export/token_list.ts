/** The tokens of a tokenizer.json as a list by id, as GGUF has them. @module */
import { TOKEN_TYPES } from "../checkpoint/gguf_types.ts";
import type { JsonObject } from "../data/formats/json_rows.ts";
import { UserError } from "../error.ts";
import { quote } from "../values.ts";

/** All tokens of a model. */
export interface TokenList {
  /** Their texts by id: those of the vocabulary as it spells them, added tokens plain. */
  readonly texts: readonly string[];
  /** Their types by id. */
  readonly types: readonly number[];
}

/** An added token, with all of its flags. */
export interface AddedFlags {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly single_word: boolean;
  readonly normalized: boolean;
}

/** The added tokens of a tokenizer.json that `findSpecialTokens` has completed. */
export function addedTokens(json: JsonObject): readonly AddedFlags[] {
  return json.added_tokens as unknown as AddedFlags[];
}

/**
 * Lists the tokens of a tokenizer.json whose model is BPE. Ids up to `size`, the rows of the embedding, that have no
 * token get an unused one. Throws a UserError that says what is wrong if there are more tokens than rows.
 */
export function listTokens(
  json: JsonObject,
  { size, hasBytes }: { size: number; hasBytes: boolean },
): TokenList {
  const { vocab, unk_token: unknown } = json.model as JsonObject & { vocab: Record<string, number> };
  const texts: (string | undefined)[] = Array.from({ length: size });
  const types: number[] = Array.from({ length: size }, () => TOKEN_TYPES.unused);
  const put = (id: number, text: string, type: number): void => {
    if (id >= size) {
      throw new UserError(
        `token ${quote(text)} has the id ${id}, expected less than vocab_size of config.json, ${size}`,
      );
    }
    texts[id] = text;
    types[id] = type;
  };
  for (const text in vocab) {
    put(vocab[text]!, text, hasBytes && /^<0x[0-9A-F]{2}>$/.test(text) ? TOKEN_TYPES.byte : TOKEN_TYPES.normal);
  }
  for (const { id, content, special } of addedTokens(json)) {
    const type = special ? TOKEN_TYPES.control : TOKEN_TYPES.userDefined;
    put(id, content, content === unknown ? TOKEN_TYPES.unknown : type);
  }
  const used = new Map<string, number>();
  for (const [id, text] of texts.entries()) {
    if (text === undefined) continue;
    if (used.has(text)) throw new UserError(`${quote(text)} is the token ${used.get(text)} and ${id}, expected one`);
    used.set(text, id);
  }
  return {
    texts: texts.map((text, id) => {
      if (text !== undefined) return text;
      let filler = `[PAD${id}]`;
      while (used.has(filler)) filler += "_";
      return filler;
    }),
    types,
  };
}
