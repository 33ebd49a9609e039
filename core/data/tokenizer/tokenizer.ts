/** Loads Hugging Face tokenizers from model folders. @module */
import { UserError } from "../../error.ts";
import { sha256 } from "../../files/digest.ts";
import { readText } from "../../files/io.ts";
import { type ModelFiles, modelFilesOf, readOptionalJson, readOptionalModelText } from "../../files/model_files.ts";
import { isRecord } from "../../values.ts";
import { errorLine, shortQuote } from "../formats/data_problems.ts";
import type { JsonObject } from "../formats/json_rows.ts";
import type { Message } from "../formats/messages.ts";
import { compileChatTemplate, type MarkedText, type RenderOptions } from "./chat_template.ts";
import { findSpecialTokens, type SpecialTokens } from "./special_tokens.ts";
import { TextTokenizer } from "./text_tokenizer.ts";
import { checkTokenizerJson } from "./tokenizer_json.ts";

/** Converts text to token ids and back. */
export interface Tokenizer {
  /** The token ids of `text`, by default with the special tokens that the tokenizer writes around every text. */
  encode(text: string, options?: { addSpecialTokens?: boolean }): number[];
  /** The text of token ids, by default with special tokens; ids without a token are ignored. */
  decode(ids: readonly number[], options?: { skipSpecialTokens?: boolean }): string;
  /** A conversation as one text with all special tokens. Throws a UserError if there is no chat template. */
  renderChat(messages: readonly Message[], options: RenderOptions): string;
  /** A whole conversation with the spans of the template's `{% generation %}` blocks; null if it has no such blocks. */
  renderMarked(messages: readonly Message[], options?: Omit<RenderOptions, "addGenerationPrompt">): MarkedText | null;
  /** Whether there is a chat template. */
  readonly hasChatTemplate: boolean;
  /** The text of the end-of-sequence token; null if there is none. */
  readonly eosToken: string | null;
  /** Its id. */
  readonly eosId: number | null;
  /** The id of the beginning-of-sequence token; null if there is none. */
  readonly bosId: number | null;
  /** The texts of all special tokens. */
  readonly specialTokens: readonly string[];
  /** The largest token id plus one; the model's own vocabulary may be larger. */
  readonly vocabSize: number;
}

const TOKENIZER = "tokenizer.json";
const TEMPLATE = "chat_template.jinja";

/** Where transformers 5 saves a template for rows with tools that is not the usual one. */
const TOOL_TEMPLATE = "additional_chat_templates/tool_use.jinja";

/** The largest file, in bytes: several times that of any published tokenizer. */
const MAX_BYTES = 1 << 28;

/** How a tokenizer is loaded. */
export interface LoadTokenizerOptions {
  /** Path of a chat template that replaces the model's own. */
  chatTemplate?: string | undefined;
}

/** Where a tokenizer was loaded from. */
export interface TokenizerOrigin {
  /** A hash of all that ids and texts depend on: the same for copies of a folder. */
  identity: string;
  /** The name of its files: the path of the folder, if they are in one. */
  dir: string;
  /** As in {@linkcode LoadTokenizerOptions}. */
  chatTemplate: string | undefined;
}

const ORIGINS = new WeakMap<Tokenizer, TokenizerOrigin>();

/** Where a tokenizer was loaded from; null if it gives other ids at another time, or was not loaded. */
export function tokenizerOrigin(tokenizer: Tokenizer): TokenizerOrigin | null {
  return ORIGINS.get(tokenizer) ?? null;
}

/**
 * Loads tokenizer.json, the files beside it that name special tokens, and the chat template, from the folder `source` or
 * from a model's files. Throws a UserError naming a file that is missing or broken.
 *
 * @example
 * ```ts
 * import { loadTokenizer } from "@dnpo/dnpo/engine";
 * import assert from "node:assert/strict";
 *
 * const tokenizer = await loadTokenizer("examples/quickstart/model");
 * assert.equal(tokenizer.decode(tokenizer.encode("abc")), "abc");
 * ```
 */
export async function loadTokenizer(
  source: string | ModelFiles,
  { chatTemplate: file }: LoadTokenizerOptions = {},
): Promise<Tokenizer> {
  const files = await modelFilesOf(source);
  const { name: dir } = files;
  const { path, config, jinja, origin, special } = await readTokenizerParts(files, { chatTemplate: file });
  const { named, tokenizer } = special;
  const inner = attempt(path, "load", () => new TextTokenizer(tokenizer));
  const chatTemplate = compileChatTemplate(config, {
    dir,
    jinja,
    ...(jinja !== null && { origin }),
    ...(file === undefined && await files.stat(TOOL_TEMPLATE) !== null && { unread: TOOL_TEMPLATE }),
    specialTokens: named,
  });
  const eosToken = named.eos_token ?? null;
  const bosToken = named.bos_token ?? null;
  const loaded: Tokenizer = {
    encode: (text, { addSpecialTokens = true } = {}) =>
      attempt(path, "encode with", () => inner.encode(text, { addSpecialTokens })),
    // The clean-up of tokenizer_config.json is off: it rewrites the spaces of the model's own answer.
    decode: (ids, { skipSpecialTokens = false } = {}) =>
      attempt(path, "decode with", () => inner.decode(ids, { skipSpecialTokens })),
    renderChat(messages, options) {
      if (chatTemplate !== null) return chatTemplate(messages, options);
      throw new UserError(`Cannot render a conversation: ${dir}/tokenizer_config.json has no "chat_template"`);
    },
    renderMarked: (messages, options) => chatTemplate?.renderMarked(messages, options) ?? null,
    hasChatTemplate: chatTemplate !== null,
    eosToken,
    eosId: idOf(inner, eosToken, `"eos_token" of ${files.pathOf(special.eosFile)}`),
    bosId: idOf(inner, bosToken, `"bos_token" of ${files.pathOf("tokenizer_config.json")}`),
    specialTokens: addedSpecialTokens(tokenizer),
    vocabSize: inner.vocabSize,
  };
  const template = JSON.stringify([config.chat_template ?? null, jinja]);
  // A template that asks the time may write another text the next time.
  if (!template.includes("strftime_now") && globalThis.crypto?.subtle) {
    const added = JSON.stringify([named, tokenizer.added_tokens]);
    const identity = await sha256(await files.read(TOKENIZER), added, template);
    ORIGINS.set(loaded, { identity, dir, chatTemplate: file });
  }
  return loaded;
}

/** The tokenizer of a model; null if it has no tokenizer.json, which rows of token ids do not need. */
export async function tokenizerOf(
  source: string | ModelFiles,
  { chat_template: chatTemplate }: { chat_template?: string } = {},
): Promise<Tokenizer | null> {
  const files = await modelFilesOf(source);
  return await files.stat(TOKENIZER) === null ? null : await loadTokenizer(files, { chatTemplate });
}

/** The texts that tokenizer.json's added_tokens mark as special. */
function addedSpecialTokens(json: JsonObject): string[] {
  const added = Array.isArray(json.added_tokens) ? json.added_tokens : [];
  return added.flatMap((token) =>
    isRecord(token) && token.special === true && typeof token.content === "string" && token.content !== ""
      ? [token.content]
      : []
  );
}

function idOf(tokenizer: TextTokenizer, token: string | null, name: string): number | null {
  if (token === null) return null;
  const id = tokenizer.idOf(token);
  if (id === undefined) throw new UserError(`Cannot use ${name}: ${shortQuote(token)} is no token of tokenizer.json`);
  return id;
}

/** What a tokenizer is made of. */
export interface TokenizerParts {
  /** Path of tokenizer.json, for messages. */
  path: string;
  /** tokenizer_config.json; empty if there is none. */
  config: JsonObject;
  /** The chat template that takes precedence over the one in `config`; null if there is none. */
  jinja: string | null;
  /** Path of that template, or of where it would be. */
  origin: string;
  /** The special tokens, and tokenizer.json with all of them among its added tokens. */
  special: SpecialTokens;
}

/** Reads the files of a tokenizer, and checks its tokens. Throws a UserError as {@linkcode loadTokenizer} does. */
export async function readTokenizerParts(
  files: ModelFiles,
  { chatTemplate: file }: LoadTokenizerOptions = {},
): Promise<TokenizerParts> {
  const path = files.pathOf(TOKENIZER);
  const config = await readObject(files, "tokenizer_config.json") ?? {};
  const jinja = file === undefined
    ? await readOptionalModelText(files, TEMPLATE, { maxBytes: MAX_BYTES })
    : await readText(file, { isStrict: true });
  const json = await readObject(files, TOKENIZER);
  if (json === null) throw new UserError(`Cannot read ${path}: there is no such file`);
  const others = {
    config,
    map: await readObject(files, "special_tokens_map.json"),
    added: await readObject(files, "added_tokens.json"),
    model: await readObject(files, "config.json"),
    generation: await readObject(files, "generation_config.json"),
  };
  attempt(path, "load", () => checkTokenizerJson(json));
  const special = attempt(files.name, "use", () => findSpecialTokens({ tokenizer: json, ...others }));
  return { path, config, jinja, origin: file ?? files.pathOf(TEMPLATE), special };
}

/** Runs `run`. Each error becomes a UserError of one line that names the file. */
function attempt<T>(path: string, action: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw new UserError(`Cannot ${action} the tokenizer ${path}: ${errorLine(error)}`);
  }
}

/** The object in a JSON file; null if there is no such file. */
async function readObject(files: ModelFiles, file: string): Promise<JsonObject | null> {
  return await readOptionalJson(files, file, { maxBytes: MAX_BYTES }) as JsonObject | null;
}
