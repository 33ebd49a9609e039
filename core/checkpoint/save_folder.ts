/** Saving a model as a folder that transformers loads, whole or not at all. @module */
import { basename, dirname, join, resolve } from "node:path";
import { UserError } from "../error.ts";
import { syncFolder, writeFileAtomic } from "../files/atomic.ts";
import { exists, explainIoError } from "../files/io.ts";
import { quote } from "../values.ts";
import { type Dtype, encodeFloat32 } from "./dtype.ts";
import type { ModelConfig } from "./model_config.ts";
import { parameterShapes } from "./parameter_shapes.ts";
import { type TensorEntry, writeSafetensors } from "./write_safetensors.ts";

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

const DTYPE_NAMES: Readonly<Record<Dtype, string>> = { F32: "float32", F16: "float16", BF16: "bfloat16" };

/** Half-way between binary16's largest number and the next power of two: from here on rounding gives infinity. */
const F16_OVERFLOW = 65_520;

/** What a saved folder takes over besides the weights; an opened ModelFolder is one. */
export interface ModelSource {
  /** Its `raw` JSON is written, with the dtype replaced. */
  config: ModelConfig;
  /** The JSON of generation_config.json; null writes one with the config's token ids. */
  generationConfig: Readonly<Record<string, unknown>> | null;
  /** Paths of tokenizer files, copied under their own names. */
  tokenizerFiles: readonly string[];
  /** Text of a chat template that is written in place of the one among the tokenizer files. */
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
 */
export async function saveModelFolder(dir: string, { source, dtype, tensors }: SaveOptions): Promise<void> {
  const target = resolve(dir);
  const temporary = `${target}.dnpo-new`;
  await recoverModelFolder(target);
  await checkReplaceable(target);
  try {
    await removeFolder(temporary);
    await Deno.mkdir(temporary, { recursive: true });
    const { config } = source;
    await writeJson(join(temporary, "config.json"), withDtype(config.raw, dtype));
    await writeJson(join(temporary, "generation_config.json"), source.generationConfig ?? generationDefaults(config));
    for (const path of source.tokenizerFiles) {
      await writeFileAtomic(join(temporary, basename(path)), await Deno.readFile(path));
    }
    if (source.chatTemplate !== undefined) await writeFileAtomic(join(temporary, CHAT_TEMPLATE), source.chatTemplate);
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
    await writeSafetensors(join(temporary, "model.safetensors"), entries);
    await swap(temporary, target);
  } catch (error) {
    await removeFolder(temporary).catch(() => {});
    throw explainIoError(error, `Cannot save a model to ${target}`);
  }
}

/** Puts the replaced folder back where a process was killed between the two renames of a save. */
export async function recoverModelFolder(dir: string): Promise<void> {
  const target = resolve(dir);
  const old = `${target}.dnpo-old`;
  if (await exists(target) || !(await exists(old))) return;
  await Deno.rename(old, target).catch((error) => {
    throw explainIoError(error, `Cannot restore ${target} from ${old}`);
  });
}

/** There is no exchange of two folders: the old one steps aside, and comes back where the second rename fails. */
async function swap(temporary: string, target: string): Promise<void> {
  const old = `${target}.dnpo-old`;
  await removeFolder(old);
  const replaces = await exists(target);
  if (replaces) await Deno.rename(target, old);
  try {
    await Deno.rename(temporary, target);
  } catch (error) {
    if (replaces) await Deno.rename(old, target);
    throw error;
  }
  await syncFolder(dirname(target));
  await removeFolder(old);
}

/** A folder with files that no save wrote is someone's own, and is not deleted. */
async function checkReplaceable(target: string): Promise<void> {
  if (!(await exists(target))) return;
  try {
    for await (const { name } of Deno.readDir(target)) {
      if (SAVED_FILES.includes(name)) continue;
      throw new UserError(
        `Cannot save a model to ${target}: the folder holds ${quote(name)}, expected a model's files or nothing`,
      );
    }
  } catch (error) {
    throw explainIoError(error, `Cannot save a model to ${target}`);
  }
}

async function removeFolder(path: string): Promise<void> {
  if (await exists(path)) await Deno.remove(path, { recursive: true });
}

/** The dtype under whichever spelling the file had, transformers 4's where it had none. */
function withDtype(raw: Readonly<Record<string, unknown>>, dtype: Dtype): Record<string, unknown> {
  const spellings = ["dtype", "torch_dtype"].filter((key) => Object.hasOwn(raw, key));
  const keys = spellings.length > 0 ? spellings : ["torch_dtype"];
  return { ...raw, ...Object.fromEntries(keys.map((key) => [key, DTYPE_NAMES[dtype]])) };
}

function generationDefaults({ bosTokenId, eosTokenIds }: ModelConfig): Record<string, unknown> {
  return {
    _from_model_config: true,
    ...(bosTokenId === null ? {} : { bos_token_id: bosTokenId }),
    ...(eosTokenIds.length === 0 ? {} : { eos_token_id: eosTokenIds.length === 1 ? eosTokenIds[0] : eosTokenIds }),
  };
}

async function writeJson(path: string, value: unknown): Promise<void> {
  // TypeScript's library does not know JSON.rawJSON yet.
  const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };
  const asFloat = (key: string, item: unknown) =>
    FLOAT_KEYS.has(key) && Number.isSafeInteger(item) ? rawJSON(`${item}.0`) : item;
  await writeFileAtomic(path, JSON.stringify(value, asFloat, 2) + "\n");
}

function checkF16(values: Float32Array, name: string): void {
  for (const value of values) {
    if (Math.abs(value) >= F16_OVERFLOW && Number.isFinite(value)) {
      throw new UserError(`Cannot save ${quote(name)} as F16: it holds ${value}, expected less than ${F16_OVERFLOW}`);
    }
  }
}
