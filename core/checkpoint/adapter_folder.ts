/** Opens and saves PEFT folders: adapter_config.json and adapter_model.safetensors. @module */
import { encodeFloat32 } from "../dtype.ts";
import { UserError } from "../error.ts";
import { type ModelFiles, modelFilesOf, readJson } from "../files/model_files.ts";
import { type FolderWatch, type NewFile, replaceFolder } from "../files/replace_folder.ts";
import { quote } from "../values.ts";
import { parsePeftConfig, type PeftConfig, peftConfigJson } from "./peft_config.ts";
import { checkValues, isTokenizerFile, type ModelSource, newTokenizerFiles } from "./save_folder.ts";
import { openSafetensors, WEIGHT_FILES, type Weights } from "./stored_weights.ts";
import { safetensorsBytes, type TensorEntry } from "./write_safetensors.ts";

/** The file that makes a folder an adapter's. */
export const ADAPTER_CONFIG = "adapter_config.json";
const ADAPTER_WEIGHTS = "adapter_model.safetensors";

/** The files that make up an adapter. */
export const ADAPTER_FILES: readonly string[] = [ADAPTER_CONFIG, ADAPTER_WEIGHTS];

/** What PEFT writes before a module's name. */
const PREFIX = "base_model.model.";

/** An opened PEFT folder. */
export interface AdapterFolder extends PeftConfig {
  /** The folder's path as it was given, or the name of the files. */
  readonly dir: string;
  readonly files: ModelFiles;
  /** The stored tensors. */
  readonly weights: Weights;
  /** The stored tensors by their names here, such as `model.layers.0.self_attn.q_proj.lora_A.weight`. */
  readonly stored: ReadonlyMap<string, string>;
}

/** Whether files are those of an adapter: they may hold a tokenizer, but no model's weights of their own. */
export async function isAdapter(files: ModelFiles): Promise<boolean> {
  if (await files.stat(ADAPTER_CONFIG) === null) return false;
  for (const file of WEIGHT_FILES) if (await files.stat(file) !== null) return false;
  return true;
}

/** Opens a PEFT folder without reading its weights. Throws a UserError naming file and key or tensor. */
export async function openAdapterFolder(source: string | ModelFiles): Promise<AdapterFolder> {
  const files = await modelFilesOf(source);
  const config = parsePeftConfig(await readJson(files, ADAPTER_CONFIG), files.pathOf(ADAPTER_CONFIG));
  if (await files.stat(ADAPTER_WEIGHTS) === null) {
    throw new UserError(`Cannot load the adapter from ${files.name}: ${quote(ADAPTER_WEIGHTS)} is missing`);
  }
  const weights = await openSafetensors(files, ADAPTER_WEIGHTS);
  const stored = new Map<string, string>();
  for (const name of weights.tensors.keys()) {
    if (!name.startsWith(PREFIX) || !/\.lora_[AB]\.weight$/.test(name)) {
      throw new UserError(
        `Cannot load ${
          quote(name)
        } from ${weights.path}: it is no part of an adapter, expected ${PREFIX}MODULE.lora_A.weight or ….lora_B.weight`,
      );
    }
    stored.set(name.slice(PREFIX.length), name);
  }
  return { ...config, dir: files.name, files, weights, stored };
}

/** The text of adapter_config.json. */
export function adapterConfigText(config: PeftConfig): string {
  return JSON.stringify(peftConfigJson(config), null, 2) + "\n";
}

/** A tensor of an adapter as it is saved, f32. */
export interface AdapterTensor {
  /** Name as in {@linkcode AdapterFolder.stored}. */
  name: string;
  shape: readonly number[];
  /** Its values, in pieces. */
  values: () => AsyncIterable<Float32Array<ArrayBuffer>>;
}

/** What {@linkcode saveAdapterFolder} writes. */
export interface NewAdapter {
  config: PeftConfig;
  tensors: readonly AdapterTensor[];
  /** The base's tokenizer, which is saved beside the adapter, as PEFT's users expect; without it none is. */
  source?: Pick<ModelSource, "tokenizer" | "chatTemplate">;
  /** Follows the files as they are written. */
  watch?: FolderWatch;
}

/** Whether a path in a folder is that of a file that a saved adapter may have. */
export function isAdapterFile(path: string): boolean {
  return ADAPTER_FILES.includes(path) || isTokenizerFile(path) || path === "README.md";
}

/**
 * Writes a PEFT folder at `dir`, whole or not at all, in float32; an adapter that lies there is replaced. Throws a
 * UserError if the folder holds anything else, or for a value that is not finite.
 */
export async function saveAdapterFolder(
  dir: string,
  { config, tensors, source, watch }: NewAdapter,
): Promise<void> {
  const entries = tensors.map(({ name, shape, values }): TensorEntry => ({
    name: PREFIX + name,
    dtype: "F32",
    shape,
    async *bytes() {
      for await (const piece of values()) {
        checkValues(piece, { name, dtype: "F32" });
        yield encodeFloat32(piece, "F32");
      }
    },
  }));
  const json = new TextEncoder().encode(adapterConfigText(config));
  async function* files(): AsyncGenerator<NewFile> {
    yield { name: ADAPTER_CONFIG, bytes: () => [json] };
    if (source) yield* newTokenizerFiles(source);
    yield { name: ADAPTER_WEIGHTS, bytes: () => safetensorsBytes(entries) };
  }
  await replaceFolder(dir, {
    files: files(),
    replaceable: isAdapterFile,
    what: "an adapter",
    ...(watch && { watch }),
  });
}
