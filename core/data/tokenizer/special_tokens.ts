/**
 * Finds a tokenizer's special tokens where transformers does: in tokenizer_config.json, in special_tokens_map.json and
 * added_tokens.json, in the defaults of its class, and at last in the model's `eos_token_id`.
 *
 * @module
 */
import { UserError } from "../../error.ts";
import { isRecord } from "../../values.ts";
import { describe, shortQuote } from "../formats/data_problems.ts";
import type { JsonObject, JsonValue } from "../formats/json_rows.ts";

/** The names of special tokens, in the order in which transformers adds them. */
const NAMES = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"] as const;

/** Texts of special tokens by name, such as `eos_token`. */
export type NamedTokens = Partial<Record<string, string>>;

const GPT2: NamedTokens = { bos_token: "<|endoftext|>", eos_token: "<|endoftext|>", unk_token: "<|endoftext|>" };
const LLAMA: NamedTokens = { bos_token: "<s>", eos_token: "</s>", unk_token: "<unk>" };
const QWEN: NamedTokens = { eos_token: "<|endoftext|>", unk_token: "<|endoftext|>", pad_token: "<|endoftext|>" };

/** What the classes of transformers take for special tokens that no file names; the names are without "Fast". */
const CLASS_DEFAULTS: Readonly<Record<string, NamedTokens>> = {
  BloomTokenizer: { ...LLAMA, pad_token: "<pad>" },
  CodeGenTokenizer: GPT2,
  CodeLlamaTokenizer: LLAMA,
  CohereTokenizer: {
    bos_token: "<BOS_TOKEN>",
    eos_token: "<|END_OF_TURN_TOKEN|>",
    unk_token: "<UNK>",
    sep_token: "<SEP>",
    pad_token: "<PAD>",
    cls_token: "<CLS>",
    mask_token: "<MASK_TOKEN>",
  },
  GemmaTokenizer: {
    bos_token: "<bos>",
    eos_token: "<eos>",
    unk_token: "<unk>",
    pad_token: "<pad>",
    mask_token: "<mask>",
  },
  GPT2Tokenizer: GPT2,
  GPTNeoXTokenizer: { ...GPT2, pad_token: "<|padding|>" },
  LlamaTokenizer: LLAMA,
  Qwen2Tokenizer: QWEN,
  Qwen3_5Tokenizer: QWEN,
  XGLMTokenizer: { ...LLAMA, sep_token: "</s>", pad_token: "<pad>", cls_token: "<s>" },
};

/** The parsed files; null for one that is missing. */
export interface TokenizerFiles {
  /** tokenizer.json */
  tokenizer: JsonObject;
  /** tokenizer_config.json */
  config: JsonObject | null;
  /** special_tokens_map.json */
  map: JsonObject | null;
  /** added_tokens.json: ids by text. */
  added: JsonObject | null;
  /** config.json of the model. */
  model: JsonObject | null;
  /** generation_config.json of the model. */
  generation: JsonObject | null;
}

/** The special tokens, and tokenizer.json with all of them among its added tokens. */
export interface SpecialTokens {
  tokenizer: JsonObject;
  named: NamedTokens;
  /** The file that names the end-of-sequence token. */
  eosFile: string;
}

interface AddedToken {
  content: string;
  id: number;
  lstrip: boolean;
  rstrip: boolean;
  single_word: boolean;
  normalized: boolean;
  special: boolean;
}

/**
 * Finds the special tokens of a checked tokenizer.json. Throws a UserError if a file is malformed, or names a token by
 * another id than it gets.
 */
export function findSpecialTokens(files: TokenizerFiles): SpecialTokens {
  const { tokenizer, model } = files;
  const config = files.config ?? {};
  const isNew = isRecord(config.added_tokens_decoder);
  const vocabulary = new Vocabulary(tokenizer);
  if (isNew) addDecoder(vocabulary, config.added_tokens_decoder as JsonObject);
  // Older folders hold them in files of their own, which count only without an added_tokens_decoder.
  const map = isNew ? {} : files.map ?? {};
  const given = { ...config, ...map };
  if (!isNew && files.added) addTexts(vocabulary, files.added, given);
  if (given.split_special_tokens === true) {
    throw new UserError(
      'tokenizer_config.json has true in "split_special_tokens", with which special tokens in a text are read as ' +
        "letters; this is not supported, expected false",
    );
  }
  const named: NamedTokens = {};
  for (const name of NAMES) {
    const token = tokenOf(given[name], name);
    if (token === null) continue;
    named[name] = token.content;
    // A model has no row for a new token; whoever uses one of these two is told.
    const isNeeded = name === "bos_token" || name === "eos_token";
    if (!isNeeded || vocabulary.idOf(token.content) !== undefined) vocabulary.addSpecial(token);
  }
  for (const [name, text] of Object.entries(given)) {
    if (name.endsWith("_token") && typeof text === "string" && !Object.hasOwn(named, name)) named[name] = text;
  }
  for (const token of extraTokens(given)) vocabulary.addSpecial(token);
  const defaults = CLASS_DEFAULTS[className(config, model)] ?? {};
  for (const name of NAMES) {
    const text = defaults[name];
    // A null in a file says that there is no such token; a text that is no token cannot be written.
    if (text === undefined || given[name] !== undefined || vocabulary.idOf(text) === undefined) continue;
    named[name] = text;
    vocabulary.addSpecial({ content: text });
  }
  let eosFile = Object.hasOwn(map, "eos_token") ? "special_tokens_map.json" : "tokenizer_config.json";
  if (named.eos_token === undefined) {
    for (const file of ["config.json", "generation_config.json"]) {
      const text = vocabulary.textOf(firstId((file === "config.json" ? model : files.generation)?.eos_token_id));
      if (text === undefined) continue;
      named.eos_token = text;
      eosFile = file;
      vocabulary.addSpecial({ content: text });
      break;
    }
  }
  return { tokenizer: { ...tokenizer, added_tokens: vocabulary.added as unknown as JsonValue[] }, named, eosFile };
}

/** The texts and ids of a tokenizer, to which special tokens are added as Rust's library adds them. */
class Vocabulary {
  readonly added: AddedToken[];
  /** The first place in `added` of each text: a file may hold a hundred thousand. */
  readonly #places = new Map<string, number>();
  /** The tokens of the model: an object of ids by text, or their texts in a list. */
  readonly #vocab: JsonObject | JsonValue[];
  /** Ids of the added tokens, and of a list's tokens. */
  readonly #ids = new Map<string, number>();
  #next = 0;

  constructor({ model, added_tokens }: JsonObject) {
    this.#vocab = (model as JsonObject).vocab as JsonObject | JsonValue[];
    this.added = (added_tokens as JsonObject[]).map((token) => flagged(token, token.id as number));
    if (Array.isArray(this.#vocab)) {
      for (const [id, piece] of this.#vocab.entries()) this.#ids.set((piece as [string, number])[0], id);
      this.#next = this.#vocab.length;
    } else {
      for (const text in this.#vocab) this.#next = Math.max(this.#next, this.#vocab[text] as number + 1);
    }
    for (const [place, { content, id }] of this.added.entries()) {
      if (!this.#places.has(content)) this.#places.set(content, place);
      this.#ids.set(content, id);
      this.#next = Math.max(this.#next, id + 1);
    }
  }

  idOf(text: string): number | undefined {
    const id = this.#ids.get(text);
    if (id !== undefined || Array.isArray(this.#vocab) || !Object.hasOwn(this.#vocab, text)) return id;
    return this.#vocab[text] as number;
  }

  /** Looks through all tokens, as few ids are asked for. */
  textOf(id: number | undefined): string | undefined {
    if (id === undefined) return undefined;
    const added = this.added.find((token) => token.id === id);
    if (added) return added.content;
    if (Array.isArray(this.#vocab)) return (this.#vocab[id] as [string, number] | undefined)?.[0];
    for (const text in this.#vocab) if (this.#vocab[text] === id) return text;
    return undefined;
  }

  /** Adds a token, or changes the flags of one that is there. `id` is the one that a file gives it. */
  add(token: JsonObject, { id: expected, file }: { id: number; file: string }): void {
    const id = this.idOf(token.content as string) ?? this.#next;
    if (id !== expected) {
      throw new UserError(
        `${file} gives ${shortQuote(token.content as string)} the id ${expected}, expected ${id} from tokenizer.json`,
      );
    }
    this.#put(flagged(token, id));
  }

  /** Makes a token special that is there or not. */
  addSpecial(token: JsonObject): void {
    const place = this.#places.get(token.content as string);
    if (place !== undefined) this.added[place]!.special = true;
    else this.#put(flagged({ ...token, special: true }, this.idOf(token.content as string) ?? this.#next));
  }

  #put(token: AddedToken): void {
    const place = this.#places.get(token.content) ?? this.added.length;
    this.added[place] = token;
    this.#places.set(token.content, place);
    this.#ids.set(token.content, token.id);
    this.#next = Math.max(this.#next, token.id + 1);
  }
}

/** A token's record with all flags; a token is normalized with the text unless it is special. */
function flagged(token: JsonObject, id: number): AddedToken {
  const special = token.special === true;
  return {
    id,
    content: token.content as string,
    lstrip: token.lstrip === true,
    rstrip: token.rstrip === true,
    single_word: token.single_word === true,
    normalized: typeof token.normalized === "boolean" ? token.normalized : !special,
    special,
  };
}

/** Adds the tokens of tokenizer_config.json's added_tokens_decoder, by their ids. */
function addDecoder(vocabulary: Vocabulary, decoder: JsonObject): void {
  const file = "added_tokens_decoder of tokenizer_config.json";
  const entries = Object.entries(decoder).map(([id, token]): [number, JsonValue] => [Number(id), token]);
  for (const [id, token] of entries.sort(([a], [b]) => a - b)) {
    if (!isRecord(token) || typeof token.content !== "string" || token.content === "") {
      throw new UserError(`${file}: "${id}" is ${describe(token)}, expected a record with the text in "content"`);
    }
    vocabulary.add({ special: false, ...token as JsonObject }, { id, file });
  }
}

/** Adds the tokens of added_tokens.json that tokenizer.json has not. */
function addTexts(vocabulary: Vocabulary, added: JsonObject, given: JsonObject): void {
  const special = new Set([
    ...NAMES.map((name) => tokenOf(given[name], name)?.content),
    ...extraTokens(given).map(({ content }) => content),
  ]);
  const there = new Set(vocabulary.added.map(({ content }) => content));
  for (const [content, id] of Object.entries(added).sort(([, a], [, b]) => Number(a) - Number(b))) {
    if (typeof id !== "number" || content === "") {
      throw new UserError(`added_tokens.json: ${shortQuote(content)} is ${describe(id)}, expected an id`);
    }
    if (there.has(content)) continue;
    const isSpecial = special.has(content);
    vocabulary.add({ content, special: isSpecial, normalized: !isSpecial }, { id, file: "added_tokens.json" });
  }
}

/** A special token's record: its text, or an object with the text in `content`. Null if there is none. */
function tokenOf(value: JsonValue | undefined, name: string): JsonObject & { content: string } | null {
  if (value === undefined || value === null || value === "") return null;
  if (typeof value === "string") return { content: value };
  if (isRecord(value) && typeof value.content === "string") {
    return { ...value as JsonObject, content: value.content };
  }
  throw new UserError(`"${name}" is ${describe(value)}, expected text, or a record with the text in "content"`);
}

/** Special tokens without one of the names. */
function extraTokens(given: JsonObject): (JsonObject & { content: string })[] {
  const lists = [given.extra_special_tokens, given.additional_special_tokens];
  return lists.flatMap((list) => {
    const values = Array.isArray(list) ? list : isRecord(list) ? Object.values(list as JsonObject) : [];
    return values.flatMap((value) => tokenOf(value, "additional_special_tokens") ?? []);
  });
}

/** The name of the tokenizer's class in transformers, without "Fast". */
function className(config: JsonObject, model: JsonObject | null): string {
  const name = config.tokenizer_class ?? model?.tokenizer_class;
  return typeof name === "string" ? name.replace(/Fast$/, "") : "";
}

/** The id, or the first of several. */
function firstId(value: JsonValue | undefined): number | undefined {
  const id = Array.isArray(value) ? value[0] : value;
  return typeof id === "number" ? id : undefined;
}
