/** Finds the files of a model in a repository. @module */
import { UserError } from "../error.ts";
import { isGgufPath } from "../files/model_files.ts";
import type { About } from "./hub_errors.ts";

/** The index of a model whose weights are in several files. */
export const WEIGHTS_INDEX = "model.safetensors.index.json";

const WEIGHTS = "model.safetensors";

/** Files that are read besides the weights, if they exist. */
const SMALL_FILES: ReadonlySet<string> = new Set([
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "chat_template.jinja",
  "vocab.json",
  "merges.txt",
  "tokenizer.model",
]);

/** Chat templates besides the usual one. */
const TEMPLATE = /^additional_chat_templates\/[^/]+\.jinja$/;

/** The files of an adapter, which has a base elsewhere. */
const ADAPTER = ["adapter_config.json", "adapter_model.safetensors"] as const;

/** Weights in other formats, or of parts of a model. */
const OTHER_WEIGHTS = /\.(bin|safetensors|onnx|pt|pth|h5|msgpack|ckpt)$/i;

/**
 * Chooses the files of a model folder among a repository's `paths`: config, generation settings, tokenizer, chat
 * template and the safetensors, which the index's `weightMap` names if the repository has one; of an adapter, its own
 * files and those of a tokenizer. Throws a UserError if config or weights are missing.
 */
export function chooseModelFiles(
  paths: readonly string[],
  { weightMap, about }: { weightMap: Readonly<Record<string, unknown>> | null; about: About },
): string[] {
  const has = new Set(paths);
  const missing = (what: string, why = ""): UserError => new UserError(`${about.action}: there is no ${what}${why}`);
  const small = paths.filter((path) => SMALL_FILES.has(path) || TEMPLATE.test(path));
  if (has.has(ADAPTER[0]) && !has.has(WEIGHTS) && weightMap === null) {
    if (has.has(ADAPTER[1])) return [...small, ...ADAPTER];
    throw missing(ADAPTER[1], ", which adapter_config.json belongs to");
  }
  const gguf = has.has(WEIGHTS) || weightMap !== null ? undefined : paths.find(isGgufPath);
  if (gguf !== undefined) {
    throw missing(WEIGHTS, ` (a GGUF file such as ${gguf} is not read from the hub: download it, and name its path)`);
  }
  if (!has.has("config.json")) throw missing("config.json");
  if (has.has(WEIGHTS)) return [...small, WEIGHTS];
  if (weightMap === null) {
    const other = paths.find((path) => OTHER_WEIGHTS.test(path));
    throw missing(WEIGHTS, other === undefined ? "" : ` (${other} is not read, expected safetensors)`);
  }
  const shards = [...new Set(Object.values(weightMap))].filter((name) => typeof name === "string").sort();
  const absent = shards.find((name) => !has.has(name));
  if (absent !== undefined) throw missing(absent, `, which ${WEIGHTS_INDEX} names`);
  return [...small, WEIGHTS_INDEX, ...shards];
}
