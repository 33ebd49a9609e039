/** Opens a reward model: transformers' sequence classification, a decoder with a `score` head. @module */
import { UserError } from "../error.ts";
import { type ModelFiles, readJson } from "../files/model_files.ts";
import { fieldError, type Fields, integerField, isAbsent } from "../model/families/config_fields.ts";
import { parameterShapes } from "../model/families/families.ts";
import type { ModelConfig } from "../model/families/family.ts";
import { parseModelConfig } from "../model/families/model_config.ts";
import { isRecord, quote } from "../values.ts";
import { modelFilesAt } from "./gguf_files.ts";
import { matchTensors, type ModelFolder } from "./model_folder.ts";
import { openWeights, type Weights } from "./stored_weights.ts";

/** The name of the head's weight, which is [labels, hidden]; there is no bias. */
export const SCORE_HEAD = "score.weight";

/** An opened reward model: every parameter of the decoder and the head is there. */
export interface RewardFolder {
  /** The folder's path as it was given, or the name of the files. */
  readonly dir: string;
  /** The decoder's config. `tieWordEmbeddings` is true, whatever the file says, since there is no LM head. */
  readonly config: ModelConfig;
  /** Names of the head's outputs in their order, from `id2label` of config.json, else LABEL_0, LABEL_1, … */
  readonly labels: readonly string[];
  /** The token that pads texts and is no part of them; null if there is none. */
  readonly padTokenId: number | null;
  /** Whether the folder holds a tokenizer.json. */
  readonly hasTokenizer: boolean;
  /** As of a model's folder. */
  readonly dtypeOf: ModelFolder["dtypeOf"];
  readonly readStored: ModelFolder["readStored"];
  readonly readCodes: ModelFolder["readCodes"];
  readonly streamTensor: ModelFolder["streamTensor"];
  /** Reads a parameter, by its name, as float32 in row-major order. */
  readTensor(name: string): Promise<Float32Array<ArrayBuffer>>;
}

/**
 * Opens the folder, or the files, of a Llama-, Mistral-, Qwen2- or Qwen3ForSequenceClassification without reading
 * weights. Throws a UserError naming file and key or tensor, also for a causal language model.
 */
export async function openRewardFolder(source: string | ModelFiles): Promise<RewardFolder> {
  const files = typeof source === "string" ? await modelFilesAt(source) : source;
  const dir = files.name;
  const configPath = files.pathOf("config.json");
  const fields: Fields = { values: await readJson(files, "config.json"), where: configPath };
  const parsed = parseModelConfig(fields.values, configPath, "ForSequenceClassification");
  const config = { ...parsed, tieWordEmbeddings: true };
  const weights = await openWeights(files);
  const head = weights.tensors.get(SCORE_HEAD);
  if (!head) throw noHead(dir, weights);
  const count = head.shape[0] ?? 0;
  if (count === 0) {
    throw new UserError(`Cannot load ${quote(SCORE_HEAD)} from ${files.pathOf(head.file)}: it has no rows`);
  }
  const parameters = [...parameterShapes(config), { name: SCORE_HEAD, shape: [count, config.hiddenSize] }];
  const stored = matchTensors(weights, { parameters, isTied: false });
  return {
    dir,
    config,
    labels: parseLabels(fields, count),
    padTokenId: integerField(fields, "pad_token_id", { min: 0, max: config.vocabSize - 1, fallback: null }),
    hasTokenizer: await files.stat("tokenizer.json") !== null,
    readCodes: () => Promise.reject(new TypeError("Cannot read codes of a reward model")),
    dtypeOf: (name) => weights.tensors.get(stored.get(name)!)!.dtype,
    readStored: (name, range) => weights.readBytes(stored.get(name)!, range),
    streamTensor: (name, buffers) => weights.streamFloat32(stored.get(name)!, buffers),
    readTensor: (name) => weights.readFloat32(stored.get(name)!),
  };
}

function noHead(dir: string, weights: Weights): UserError {
  const found = weights.tensors.has("lm_head.weight")
    ? 'it holds "lm_head.weight", a causal language model\'s'
    : "it is missing";
  return new UserError(`Cannot load ${quote(SCORE_HEAD)} of a reward model from ${dir}: ${found}`);
}

/** The names in `id2label` by index. transformers writes it unless there are two labels with its default names. */
function parseLabels(fields: Fields, count: number): string[] {
  const names = Array.from({ length: count }, (_, i) => `LABEL_${i}`);
  if (isAbsent(fields, "id2label")) return names;
  const map = fields.values.id2label;
  const expected = `an object of the names of ${count} labels, as ${quote(SCORE_HEAD)} has ${count} rows`;
  if (!isRecord(map) || Object.keys(map).length !== count) throw fieldError(fields, "id2label", expected);
  return names.map((_, i) => {
    const name = Object.hasOwn(map, String(i)) ? map[String(i)] : undefined;
    if (typeof name !== "string") throw fieldError(fields, "id2label", expected);
    return name;
  });
}
