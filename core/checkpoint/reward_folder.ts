/** Opening a reward model: transformers' sequence classification, a decoder with a `score` head. @module */
import { UserError } from "../error.ts";
import { type ModelFiles, modelFilesOf, readJson } from "../files/model_files.ts";
import { fieldError, type Fields, integerField, isAbsent } from "../model/families/config_fields.ts";
import { parameterShapes } from "../model/families/families.ts";
import type { ModelConfig } from "../model/families/family.ts";
import { parseModelConfig } from "../model/families/model_config.ts";
import { isRecord, quote } from "../values.ts";
import { matchTensors } from "./model_folder.ts";
import { openWeights, type Weights } from "./stored_weights.ts";

/** The head's name: [labels, hidden], without bias. */
export const SCORE_HEAD = "score.weight";

/** An opened reward model; every parameter of the decoder and the head are known to be there. */
export interface RewardFolder {
  /** The folder as it was given. */
  readonly dir: string;
  /** The decoder; it has no LM head, which `tieWordEmbeddings` stands for, whatever the file says. */
  readonly config: ModelConfig;
  /** Names of the head's outputs in their order, of config.json's `id2label`, else LABEL_0, LABEL_1, … */
  readonly labels: readonly string[];
  /** Tokens that are no part of a text; null is none. */
  readonly padTokenId: number | null;
  /** Whether the folder holds a tokenizer.json. */
  readonly hasTokenizer: boolean;
  /** A parameter as float32, row-major, by its name. */
  readTensor(name: string): Promise<Float32Array<ArrayBuffer>>;
}

/**
 * Opens the folder, or the files, of a Llama-, Mistral-, Qwen2- or Qwen3ForSequenceClassification, reading no weights. Throws a UserError
 * naming file and key or tensor, also for a causal language model.
 */
export async function openRewardFolder(source: string | ModelFiles): Promise<RewardFolder> {
  const files = await modelFilesOf(source);
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
  matchTensors(weights, { parameters, isTied: false });
  return {
    dir,
    config,
    labels: parseLabels(fields, count),
    padTokenId: integerField(fields, "pad_token_id", { min: 0, max: config.vocabSize - 1, fallback: null }),
    hasTokenizer: await files.stat("tokenizer.json") !== null,
    readTensor: (name) => weights.readFloat32(name),
  };
}

function noHead(dir: string, weights: Weights): UserError {
  const found = weights.tensors.has("lm_head.weight")
    ? 'it holds "lm_head.weight", a causal language model\'s'
    : "it is missing";
  return new UserError(`Cannot load ${quote(SCORE_HEAD)} of a reward model from ${dir}: ${found}`);
}

/** `id2label` by index; transformers writes it wherever the names or their number are not its own two. */
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
