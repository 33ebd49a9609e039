/** Saves a model as a folder that transformers loads; the folder is written whole or not at all. @module */
import { type Dtype, encodeFloat32, nameOfDtype } from "../dtype.ts";
import { UserError } from "../error.ts";
import type { ModelFiles } from "../files/model_files.ts";
import { type FolderWatch, type NewFile, replaceFolder } from "../files/replace_folder.ts";
import { parameterShapes } from "../model/families/families.ts";
import type { ModelConfig } from "../model/families/family.ts";
import { quote } from "../values.ts";
import { safetensorsBytes, type TensorEntry } from "./write_safetensors.ts";

/** The chat template's file, which takes precedence over `chat_template` in tokenizer_config.json. */
export const CHAT_TEMPLATE = "chat_template.jinja";

/** The tokenizer's files that a Hugging Face folder may hold. */
export const TOKENIZER_FILES: readonly string[] = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  CHAT_TEMPLATE,
  "vocab.json",
  "merges.txt",
  "added_tokens.json",
  "tokenizer.model",
];

/** The folder of the chat templates that are not the usual one, such as that for rows with tools. */
export const TEMPLATES_FOLDER = "additional_chat_templates";

/** The chat templates of a model besides the usual one. */
export async function additionalTemplates(files: ModelFiles): Promise<string[]> {
  const names = await files.namesIn?.(TEMPLATES_FOLDER) ?? [];
  return names.map((name) => `${TEMPLATES_FOLDER}/${name}`).filter(isTemplate).sort();
}

function isTemplate(path: string): boolean {
  return path.startsWith(`${TEMPLATES_FOLDER}/`) && path.endsWith(".jinja");
}

/** The files that a saved model's folder may hold, besides {@linkcode additionalTemplates}. */
export const SAVED_FILES: readonly string[] = [
  "config.json",
  "generation_config.json",
  "model.safetensors",
  ...TOKENIZER_FILES,
];

/** Keys whose values are written with a decimal point: Python's transformers refuses `1` for `1.0`. */
const FLOAT_KEYS = new Set([
  "attention_dropout",
  "diversity_penalty",
  "encoder_repetition_penalty",
  "epsilon_cutoff",
  "eta_cutoff",
  "factor",
  "guidance_scale",
  "high_freq_factor",
  "initializer_range",
  "length_penalty",
  "low_freq_factor",
  "min_p",
  "partial_rotary_factor",
  "repetition_penalty",
  "rms_norm_eps",
  "rope_theta",
  "temperature",
  "top_p",
  "typical_p",
]);

/** The least numbers that round to infinity. */
const OVERFLOW: Readonly<Record<Dtype, number>> = { F32: Infinity, F16: 65_520, BF16: 2 ** 128 - 2 ** 119 };
const OVERFLOW_BITS: Readonly<Record<Dtype, number>> = {
  F32: bitsOf(OVERFLOW.F32),
  F16: bitsOf(OVERFLOW.F16),
  BF16: bitsOf(OVERFLOW.BF16),
};

/** What is saved besides the weights; an opened ModelFolder is a ModelSource. */
export interface ModelSource {
  /** The config; its `raw` JSON is written, with the dtype replaced. */
  config: ModelConfig;
  /** The JSON of generation_config.json; if null, one with the config's token ids is written. */
  generationConfig: Readonly<Record<string, unknown>> | null;
  /**
   * The files from which those of {@linkcode TOKENIZER_FILES} and the additional templates that exist are copied; null
   * copies none.
   */
  tokenizer: ModelFiles | null;
  /** Text of a chat template that replaces the one among the tokenizer's files. */
  chatTemplate?: string;
}

/** What to save. */
export interface SaveOptions {
  /** Config and tokenizer. */
  source: ModelSource;
  /** Storage type of all weights. */
  dtype: Dtype;
  /**
   * Returns a tensor by its canonical name: float32 values in row-major order, whole or in pieces. It is called for one
   * tensor at a time, in the order of `parameterShapes`. Each piece is being written while the next one is made, so it
   * must stay unchanged until the one after that is asked for.
   */
  tensors: (name: string) => Promise<Float32Array> | AsyncIterable<Float32Array>;
}

/**
 * Writes a Hugging Face folder at `dir`: it is built beside it as `DIR.dnpo-new` and renamed, and replaces a model
 * folder that is there. Throws a UserError if that folder holds anything else, or if a value is NaN or infinite, or would be as
 * `dtype`; a RangeError if a tensor's length does not fit its shape.
 *
 * @example
 * ```ts
 * import { openModelFolder, saveModelFolder } from "@dnpo/dnpo/engine";
 * import assert from "node:assert/strict";
 *
 * const source = await openModelFolder("examples/quickstart/model");
 * const dir = `${await Deno.makeTempDir()}/model`;
 * await saveModelFolder(dir, { source, dtype: "BF16", tensors: (name) => source.readTensor(name) });
 * assert.equal((await openModelFolder(dir)).dtype, "BF16");
 * ```
 */
export async function saveModelFolder(dir: string, options: SaveOptions): Promise<void> {
  await saveWatched(dir, options);
}

/** As {@linkcode saveModelFolder}; `watch` follows the files as they are written. */
export async function saveWatched(dir: string, options: SaveOptions, watch?: FolderWatch): Promise<void> {
  const files = newModelFiles(options);
  await replaceFolder(dir, { files, replaceable: isModelFile, what: "a model", ...(watch && { watch }) });
}

/** Whether a path in a folder is that of a file that a saved model may have. */
export function isModelFile(path: string): boolean {
  return SAVED_FILES.includes(path) || isTemplate(path);
}

/** Whether a path in a folder is that of a file that {@linkcode newTokenizerFiles} yields. */
export function isTokenizerFile(path: string): boolean {
  return TOKENIZER_FILES.includes(path) || isTemplate(path);
}

/** Yields the files of a model's folder one after the other, `model.safetensors` last. */
export async function* newModelFiles({ source, dtype, tensors }: SaveOptions): AsyncGenerator<NewFile> {
  const { config } = source;
  yield jsonFile("config.json", withDtype(config.raw, dtype));
  yield jsonFile("generation_config.json", source.generationConfig ?? generationDefaults(config));
  yield* newTokenizerFiles(source);
  const entries = parameterShapes(config).map(({ name, shape }): TensorEntry => ({
    name,
    dtype,
    shape,
    async *bytes() {
      const source = tensors(name);
      for await (const values of Symbol.asyncIterator in source ? source : [source]) {
        checkValues(values, { name, dtype });
        yield encodeFloat32(values, dtype);
      }
    },
  }));
  yield { name: "model.safetensors", bytes: () => safetensorsBytes(entries) };
}

/** Yields the tokenizer's files as they are saved beside weights. */
export async function* newTokenizerFiles(
  { tokenizer, chatTemplate }: Pick<ModelSource, "tokenizer" | "chatTemplate">,
): AsyncGenerator<NewFile> {
  const templates = tokenizer === null ? [] : await additionalTemplates(tokenizer);
  for (const name of [...TOKENIZER_FILES, ...templates]) {
    const replaced = name === CHAT_TEMPLATE && chatTemplate !== undefined;
    if (replaced || tokenizer === null || await tokenizer.stat(name) === null) continue;
    const bytes = await tokenizer.read(name);
    yield { name, bytes: () => [bytes] };
  }
  if (chatTemplate !== undefined) yield textFile(CHAT_TEMPLATE, chatTemplate);
}

/** Sets the dtype under the key or keys that the config has for it, or under transformers 4's if it has none. */
function withDtype(raw: Readonly<Record<string, unknown>>, dtype: Dtype): Record<string, unknown> {
  const spellings = ["dtype", "torch_dtype"].filter((key) => Object.hasOwn(raw, key));
  const keys = spellings.length > 0 ? spellings : ["torch_dtype"];
  return { ...raw, ...Object.fromEntries(keys.map((key) => [key, nameOfDtype(dtype)])) };
}

function generationDefaults({ bosTokenId, eosTokenIds }: ModelConfig): Record<string, unknown> {
  return {
    _from_model_config: true,
    ...(bosTokenId === null ? {} : { bos_token_id: bosTokenId }),
    ...(eosTokenIds.length === 0 ? {} : { eos_token_id: eosTokenIds.length === 1 ? eosTokenIds[0] : eosTokenIds }),
  };
}

function jsonFile(name: string, value: unknown): NewFile {
  // TypeScript's library does not declare JSON.rawJSON yet.
  const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };
  const asFloat = (key: string, item: unknown) =>
    FLOAT_KEYS.has(key) && Number.isSafeInteger(item) ? rawJSON(`${item}.0`) : item;
  return textFile(name, JSON.stringify(value, asFloat, 2) + "\n");
}

function textFile(name: string, text: string): NewFile {
  return { name, bytes: () => [new TextEncoder().encode(text)] };
}

/** Throws a UserError if a value is not finite, or rounds to infinity: a model that has one answers with rubbish. */
export function checkValues(values: Float32Array, { name, dtype }: { name: string; dtype: Dtype }): void {
  // In this order numbers grow with their bits, NaN above infinity; the sign is the topmost bit.
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const least = OVERFLOW_BITS[dtype];
  for (let i = 0; i < bits.length; i++) {
    if ((bits[i]! & 0x7fffffff) < least) continue;
    const expected = Number.isFinite(values[i]!) ? `less than ${OVERFLOW[dtype]}` : "finite numbers";
    throw new UserError(`Cannot save ${quote(name)} as ${dtype}: it holds ${values[i]}, expected ${expected}`);
  }
}

function bitsOf(value: number): number {
  return new Uint32Array(new Float32Array([value]).buffer)[0]!;
}
