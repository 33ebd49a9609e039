/** Saving a model as a folder that transformers loads, whole or not at all. @module */
import { type Dtype, encodeFloat32, nameOfDtype } from "../dtype.ts";
import { UserError } from "../error.ts";
import type { ModelFiles } from "../files/model_files.ts";
import { type NewFile, replaceFolder } from "../files/replace_folder.ts";
import { parameterShapes } from "../model/families/families.ts";
import type { ModelConfig } from "../model/families/family.ts";
import { quote } from "../values.ts";
import { safetensorsBytes, type TensorEntry } from "./write_safetensors.ts";

/** Goes before what tokenizer_config.json says. */
const CHAT_TEMPLATE = "chat_template.jinja";

/** The tokenizer's files a Hugging Face folder may hold. */
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

const SAVED_FILES = ["config.json", "generation_config.json", "model.safetensors", ...TOKENIZER_FILES];

/** Python's transformers refuses `1` where it wants `1.0`, and JavaScript has no such difference to keep. */
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

/** Half-way between binary16's largest number and the next power of two: from here on rounding gives infinity. */
const F16_OVERFLOW = 65_520;

/** What a saved folder takes over besides the weights; an opened ModelFolder is one. */
export interface ModelSource {
  /** Its `raw` JSON is written, with the dtype replaced. */
  config: ModelConfig;
  /** The JSON of generation_config.json; null writes one with the config's token ids. */
  generationConfig: Readonly<Record<string, unknown>> | null;
  /** Where the tokenizer's files are copied from, those of {@linkcode TOKENIZER_FILES} that are there; null: none. */
  tokenizer: ModelFiles | null;
  /** Text of a chat template that is written in place of the one among the tokenizer's files. */
  chatTemplate?: string;
}

/** What to save. */
export interface SaveOptions {
  /** Config and tokenizer. */
  source: ModelSource;
  /** Storage type of all weights. */
  dtype: Dtype;
  /**
   * Float32 values, row-major, by canonical name, whole or in pieces; asked for one tensor at a time, in the order of
   * `parameterShapes`. Each is being written while the next one is made, and is to stay as it is until the one after.
   */
  tensors: (name: string) => Promise<Float32Array> | AsyncIterable<Float32Array>;
}

/**
 * Writes a Hugging Face folder at `dir`, built beside it as `DIR.dnpo-new` and renamed, replacing a model folder that lies
 * there. Throws a UserError where the folder holds anything else, or a value overflows float16; a RangeError where a
 * tensor's length does not fit.
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
  await replaceFolder(dir, { files: newModelFiles(options), replaceable: SAVED_FILES, what: "a model" });
}

/** The files of a model's folder, one after the other: what is no weight first, then `model.safetensors`. */
export async function* newModelFiles({ source, dtype, tensors }: SaveOptions): AsyncGenerator<NewFile> {
  const { config, tokenizer, chatTemplate } = source;
  yield jsonFile("config.json", withDtype(config.raw, dtype));
  yield jsonFile("generation_config.json", source.generationConfig ?? generationDefaults(config));
  for (const name of TOKENIZER_FILES) {
    const replaced = name === CHAT_TEMPLATE && chatTemplate !== undefined;
    if (replaced || tokenizer === null || await tokenizer.stat(name) === null) continue;
    const bytes = await tokenizer.read(name);
    yield { name, bytes: () => [bytes] };
  }
  if (chatTemplate !== undefined) yield textFile(CHAT_TEMPLATE, chatTemplate);
  const entries = parameterShapes(config).map(({ name, shape }): TensorEntry => ({
    name,
    dtype,
    shape,
    async *bytes() {
      const source = tensors(name);
      for await (const values of Symbol.asyncIterator in source ? source : [source]) {
        if (dtype === "F16") checkF16(values, name);
        yield encodeFloat32(values, dtype);
      }
    },
  }));
  yield { name: "model.safetensors", bytes: () => safetensorsBytes(entries) };
}

/** The dtype under whichever spelling the file had, transformers 4's where it had none. */
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
  // TypeScript's library does not know JSON.rawJSON yet.
  const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };
  const asFloat = (key: string, item: unknown) =>
    FLOAT_KEYS.has(key) && Number.isSafeInteger(item) ? rawJSON(`${item}.0`) : item;
  return textFile(name, JSON.stringify(value, asFloat, 2) + "\n");
}

function textFile(name: string, text: string): NewFile {
  return { name, bytes: () => [new TextEncoder().encode(text)] };
}

function checkF16(values: Float32Array, name: string): void {
  for (const value of values) {
    if (Math.abs(value) >= F16_OVERFLOW && Number.isFinite(value)) {
      throw new UserError(`Cannot save ${quote(name)} as F16: it holds ${value}, expected less than ${F16_OVERFLOW}`);
    }
  }
}
