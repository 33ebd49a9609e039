/** A GGUF file as the files of a Hugging Face folder: config and tokenizer are made from its metadata. @module */
import { decodeFloat32 } from "../dtype.ts";
import { UserError } from "../error.ts";
import { exists, isFolder } from "../files/io.ts";
import { folderFiles, isGgufPath, type ModelFiles, oneFile } from "../files/model_files.ts";
import { ggufConfig } from "./gguf_config.ts";
import { GgufFields } from "./gguf_fields.ts";
import { type GgufHeader, readGgufHeader } from "./gguf_header.ts";
import { endTokens, ggufTokenizer } from "./gguf_tokenizer.ts";

/** The files of the model at `path`: a folder, or a GGUF file. Throws a UserError as {@linkcode folderFiles} does. */
export async function modelFilesAt(path: string): Promise<ModelFiles> {
  if (!isGgufPath(path) || await isFolder(path)) return await folderFiles(path);
  if (await exists(path)) return ggufFiles(oneFile(path), path);
  throw new UserError(`Cannot open the model ${path}: there is no such file, expected a GGUF file or a model's folder`);
}

/** The name of the file itself, however it is called. */
const WEIGHTS = "model.gguf";

/** The files that the GGUF file `file` among `files` stands for; `name` is their name in messages. */
export function ggufFiles({ files, file }: { files: ModelFiles; file: string }, name: string): ModelFiles {
  const pathOf = (wanted: string): string => wanted === WEIGHTS ? name : `${name}/${wanted}`;
  let made: Promise<ReadonlyMap<string, Uint8Array<ArrayBuffer>>> | undefined;
  const find = async (wanted: string): Promise<Uint8Array<ArrayBuffer> | undefined> => {
    if (!MADE.includes(wanted)) return undefined;
    made ??= makeFiles(files, file);
    return (await made).get(wanted);
  };
  return {
    name,
    gguf: WEIGHTS,
    pathOf,
    async stat(wanted) {
      const facts = wanted === WEIGHTS || MADE.includes(wanted) ? await files.stat(file) : null;
      if (facts === null || wanted === WEIGHTS) return facts;
      const bytes = await find(wanted);
      return bytes ? { ...facts, size: bytes.length } : null;
    },
    async read(wanted, range) {
      if (wanted === WEIGHTS) return await files.read(file, range);
      const bytes = await find(wanted);
      if (bytes === undefined) throw new UserError(`Cannot read ${pathOf(wanted)}: there is no such file`);
      return bytes.slice(range?.start ?? 0, range ? range.start + range.length : undefined);
    },
  };
}

const MADE = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"];

async function makeFiles(files: ModelFiles, file: string): Promise<ReadonlyMap<string, Uint8Array<ArrayBuffer>>> {
  const header = await readGgufHeader(files, file);
  const fields = new GgufFields(files.pathOf(file), header);
  const config = ggufConfig(fields, await readFactors(files, { file, header }));
  const made: Record<string, unknown> = {
    "config.json": config,
    "generation_config.json": { bos_token_id: config.bos_token_id, eos_token_id: endTokens(fields) },
  };
  if (fields.value("tokenizer.ggml.model") !== undefined && fields.text("tokenizer.ggml.model") !== "no_vocab") {
    const tokenizer = ggufTokenizer(fields);
    made["tokenizer.json"] = tokenizer.tokenizer;
    made["tokenizer_config.json"] = tokenizer.config;
  }
  const encoder = new TextEncoder();
  return new Map(Object.entries(made).map(([name, json]) => [name, encoder.encode(JSON.stringify(json))]));
}

/** Far above half the width of any real head. */
const MOST_FACTORS = 2 ** 12;

/** The factors of RoPE's frequencies; null if the file has none. */
async function readFactors(
  files: ModelFiles,
  { file, header }: { file: string; header: GgufHeader },
): Promise<Float32Array | null> {
  const tensor = header.tensors.get("rope_freqs.weight");
  if (tensor === undefined) return null;
  const { dtype, shape, offset: start, byteLength: length } = tensor;
  if (dtype === "F32" && shape.length === 1 && shape[0]! <= MOST_FACTORS) {
    return decodeFloat32(await files.read(file, { start, length }), dtype);
  }
  throw new UserError(
    `Cannot use ${files.pathOf(file)}: "rope_freqs.weight" is ${dtype} [${
      shape.join(", ")
    }], expected F32 of half the width of a head`,
  );
}
