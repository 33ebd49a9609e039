/** Opens a Hugging Face folder or a GGUF file and checks config, weights, generation settings and tokenizer. @module */
import { type Dtype, DTYPE_BYTES, isDtype } from "../dtype.ts";
import { UserError } from "../error.ts";
import { type ModelFiles, readJson, readOptionalJson } from "../files/model_files.ts";
import type { PieceBuffers } from "../files/piece_buffers.ts";
import { parameterShapes } from "../model/families/families.ts";
import { parseEosTokenIds, parseModelConfig } from "../model/families/model_config.ts";
import type { ParameterShape } from "../model/families/model_tensors.ts";
import { quote } from "../values.ts";
import { type CodedMatrix, codedStorage, type CodedWeights } from "./coded_weights.ts";
import { modelFilesAt } from "./gguf_files.ts";
import { openGgufWeights } from "./gguf_weights.ts";
import { int4Settings, openInt4 } from "./int4_weights.ts";
import { openNf4, saysNf4 } from "./nf4_weights.ts";
import type { ModelSource } from "./save_folder.ts";
import { type ByteRange, isReadable, openWeights, READABLE, type Weights } from "./stored_weights.ts";

export { type ModelSource, saveModelFolder, type SaveOptions } from "./save_folder.ts";

const EMBEDDING = "model.embed_tokens.weight";
const LM_HEAD = "lm_head.weight";

/** RoPE's frequencies, which old checkpoints store although they follow from the config. */
const DERIVED = /^(model\.)?(layers\.\d+\.self_attn\.)?rotary_emb\.inv_freq$/;

/** The prefix of all names but the LM head's; a checkpoint of the base model alone, as AutoModel saves it, lacks it. */
const PREFIX = "model.";

const COMPARE_BYTES = 2 ** 20;

const GENERATION_CONFIG = "generation_config.json";

/** An opened model folder: every parameter that the config implies is there, in its shape and a readable dtype. */
export interface ModelFolder extends ModelSource {
  /** The folder's path as it was given, or the name of the files. */
  readonly dir: string;
  /** All of its files. */
  readonly files: ModelFiles;
  /** The stored tensors, by their names in the file. */
  readonly weights: Weights;
  /** The storage type of most elements of the parameters. */
  readonly dtype: Dtype;
  /** Tokens that end a response: those of generation_config.json, or if it has none, those of config.json. */
  readonly eosTokenIds: readonly number[];
  /** The name under which a parameter is stored; a tied embedding may be stored as `lm_head.weight`. */
  nameInFile(name: string): string;
  /** The dtype in which a parameter is stored, as safetensors spells it, or for codes {@linkcode codedStorage}. */
  dtypeOf(name: string): string;
  /**
   * What quantized the model before it was stored, as `quant_method` of config.json names it, or of a GGUF file the
   * types of its codes; null if nothing did.
   */
  readonly comesQuantized: string | null;
  /** Reads the stored bytes of a parameter or a range of it. */
  readStored(name: string, range?: ByteRange): Promise<Uint8Array<ArrayBuffer>>;
  /** Reads the codes and scales of a parameter that is stored as such. */
  readCodes(name: string): Promise<CodedMatrix>;
  /** Reads a parameter, by its canonical name, as float32 in row-major order. */
  readTensor(name: string): Promise<Float32Array<ArrayBuffer>>;
  /** As `readTensor`, but yields the parameter in pieces, in order; `buffers` as of {@linkcode Weights.streamFloat32}. */
  streamTensor(name: string, buffers?: PieceBuffers): AsyncGenerator<Float32Array<ArrayBuffer>>;
}

/**
 * Opens a Hugging Face folder or a GGUF file by its path, or a model's files, without reading weights. The exception
 * is a tied embedding that is stored twice: the two must be the same bytes, since transformers 4 would tie them and 5
 * would not. Throws a UserError naming file and tensor.
 *
 * @example
 * ```ts
 * import { openModelFolder } from "@dnpo/dnpo/engine";
 * import assert from "node:assert/strict";
 *
 * const folder = await openModelFolder("examples/quickstart/model");
 * const { vocabSize, hiddenSize } = folder.config;
 * const embedding = await folder.readTensor("model.embed_tokens.weight");
 * assert.equal(embedding.length, vocabSize * hiddenSize);
 * ```
 */
export async function openModelFolder(source: string | ModelFiles): Promise<ModelFolder> {
  const files = typeof source === "string" ? await modelFilesAt(source) : source;
  const configPath = files.pathOf("config.json");
  const { quantization_config: quantization, ...plain } = await readJson(files, "config.json");
  const open = codesOf(quantization);
  const config = parseModelConfig(
    open !== null || quantization === undefined ? plain : { ...plain, quantization_config: quantization },
    configPath,
  );
  const stored = await openWeights(files);
  const coded = files.gguf === undefined ? open && await open(stored) : openGgufWeights(stored, config);
  const weights: Weights = coded ?? stored;
  const names = matchTensors(weights, { parameters: parameterShapes(config), isTied: config.tieWordEmbeddings });
  const embedding = names.get(EMBEDDING)!;
  if (config.tieWordEmbeddings && embedding !== LM_HEAD && weights.tensors.has(LM_HEAD)) {
    await checkTied(weights, embedding);
  }
  const generationPath = files.pathOf(GENERATION_CONFIG);
  const generationConfig = await readOptionalJson(files, GENERATION_CONFIG);
  const generationEos = parseEosTokenIds(generationConfig?.eos_token_id, { ...config, where: generationPath }) ?? [];

  function nameInFile(name: string): string {
    const stored = names.get(name);
    if (stored === undefined) throw new RangeError(`Cannot find ${quote(name)}: the config implies no such parameter`);
    return stored;
  }

  return {
    dir: files.name,
    files,
    config,
    weights,
    dtype: mainDtype([...names.values()], weights),
    generationConfig,
    eosTokenIds: generationEos.length > 0 ? generationEos : config.eosTokenIds,
    tokenizer: files,
    nameInFile,
    comesQuantized: coded && quantizedBy(coded, quantization),
    readCodes: async (name) => await coded!.readCodes(nameInFile(name)),
    dtypeOf: (name) => weights.tensors.get(nameInFile(name))!.dtype,
    readStored: (name, range) => weights.readBytes(nameInFile(name), range),
    readTensor: (name) => weights.readFloat32(nameInFile(name)),
    streamTensor: (name, buffers) => weights.streamFloat32(nameInFile(name), buffers),
  };
}

/** What reads the codes of a model that was quantized, by its `quantization_config`; null if nothing does. */
function codesOf(settings: unknown): ((weights: Weights) => Promise<CodedWeights>) | null {
  if (saysNf4(settings)) return openNf4;
  const int4 = int4Settings(settings);
  return int4 && ((weights) => openInt4(weights, int4));
}

function quantizedBy({ files, tensors }: Weights, settings: unknown): string | null {
  if (files.gguf === undefined) return String((settings as Record<string, unknown>).quant_method);
  const types = new Set([...tensors.values()].map(({ dtype }) => dtype).filter((dtype) => codedStorage(dtype)));
  return types.size === 0 ? null : [...types].sort().join(" and ");
}

/**
 * Finds the stored name of each parameter by its canonical name. If `isTied`, the embedding may be stored under the LM
 * head's name; a base model's names may lack their first part. Throws a UserError naming the tensor if a parameter is
 * missing, has another shape or an unreadable dtype, or if a tensor is no parameter.
 */
export function matchTensors(
  weights: Weights,
  { parameters, isTied }: { parameters: readonly ParameterShape[]; isTied: boolean },
): Map<string, string> {
  const names = new Map<string, string>();
  const known = new Set<string>(isTied ? [LM_HEAD] : []);
  const isBase = ![...weights.tensors.keys()].some((name) => name.startsWith(PREFIX));
  const storedName = (name: string): string => {
    const short = isBase && name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name;
    return weights.tensors.has(short) ? short : name;
  };
  for (const { name, shape } of parameters) {
    const moved = name === EMBEDDING && isTied && !weights.tensors.has(storedName(EMBEDDING));
    const stored = moved && weights.tensors.has(LM_HEAD) ? LM_HEAD : storedName(name);
    const expected = `expected ${list(shape)} from config.json`;
    const tensor = weights.tensors.get(stored);
    if (!tensor) throw new UserError(`Cannot load ${quote(name)} from ${weights.path}: it is missing, ${expected}`);
    const refuse = (problem: string) =>
      new UserError(`Cannot load ${quote(stored)} from ${weights.files.pathOf(tensor.file)}: ${problem}`);
    if (list(tensor.shape) !== list(shape)) throw refuse(`shape is ${list(tensor.shape)}, ${expected}`);
    if (!isReadable(tensor.dtype) && codedStorage(tensor.dtype) === null) {
      throw refuse(`dtype is ${tensor.dtype}, expected ${READABLE}`);
    }
    names.set(name, stored);
    known.add(stored);
  }
  const unknown = [...weights.tensors.keys()].filter((name) => !known.has(name) && !DERIVED.test(name));
  if (unknown.length > 0) {
    const others = unknown.length > 1 ? ` (nor are ${unknown.length - 1} more)` : "";
    throw new UserError(
      `Cannot load ${quote(unknown[0])} from ${weights.files.pathOf(weights.tensors.get(unknown[0]!)!.file)}: ` +
        `it is no part of the model${others}, expected only what config.json implies`,
    );
  }
  return names;
}

async function checkTied(weights: Weights, name: string): Promise<void> {
  const embedding = weights.tensors.get(name)!;
  const head = weights.tensors.get(LM_HEAD)!;
  let same = embedding.dtype === head.dtype && list(embedding.shape) === list(head.shape);
  for (let start = 0; same && start < embedding.byteLength; start += COMPARE_BYTES) {
    const range = { start, length: Math.min(COMPARE_BYTES, embedding.byteLength - start) };
    const [a, b] = await Promise.all([weights.readBytes(name, range), weights.readBytes(LM_HEAD, range)]);
    same = a.every((byte, i) => byte === b[i]);
  }
  if (!same) {
    throw new UserError(
      `Cannot load "${LM_HEAD}" from ${weights.files.pathOf(head.file)}: it differs from "${name}", ` +
        `expected the same as config.json says "tie_word_embeddings": true`,
    );
  }
}

function mainDtype(names: readonly string[], weights: Weights): Dtype {
  const elements: Record<Dtype, number> = { F32: 0, F16: 0, BF16: 0 };
  for (const name of names) {
    const { dtype, byteLength } = weights.tensors.get(name)!;
    // Doubles are rounded to float32.
    if (dtype === "F64") elements.F32 += byteLength / 8;
    else if (isDtype(dtype)) elements[dtype] += byteLength / DTYPE_BYTES[dtype];
  }
  return (["F32", "BF16", "F16"] as const).reduce((best, dtype) => elements[dtype] > elements[best] ? dtype : best);
}

function list(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}
