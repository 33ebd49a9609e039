/** Opens the weights of a model: one safetensors file, shards with an index, or a GGUF file. @module */
import { decodeFloat32, type Dtype, DTYPE_BYTES, isDtype } from "../dtype.ts";
import { UserError } from "../error.ts";
import { type ModelFiles, modelFilesOf, oneFile, readOptionalJson } from "../files/model_files.ts";
import type { PieceBuffers } from "../files/piece_buffers.ts";
import { isRecord, quote } from "../values.ts";
import { readGgufHeader } from "./gguf_header.ts";
import { readSafetensorsHeader, type TensorInfo } from "./safetensors_header.ts";

/** Tensors are read in pieces of this size: a large one needs little memory, and that stays in the processor's cache. */
export const PIECE_BYTES = 2 * 2 ** 20;

/** The place of a tensor. */
export interface TensorLocation extends TensorInfo {
  /** Name of the file among the model's files. */
  file: string;
}

/** A part of a tensor, in bytes. */
export interface ByteRange {
  /** First byte within the tensor (default 0). */
  start?: number;
  /** Number of bytes (default: to the tensor's end). */
  length?: number;
  /** As of a {@linkcode FileRange}. */
  into?: Uint8Array<ArrayBuffer> | undefined;
}

/** The tensors of a model's files. Nothing is kept open: every read opens its file. */
export interface Weights {
  /** The files that hold them. */
  readonly files: ModelFiles;
  /** Path of the file that lists the tensors: `model.safetensors`, or the index of the shards. */
  readonly path: string;
  /** The strings under `__metadata__` of a single file's header; empty for shards. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The tensors by their names in the file. */
  readonly tensors: ReadonlyMap<string, TensorLocation>;
  /** Reads the stored bytes of a tensor or a range of it. Throws a UserError if they cannot be read. */
  readBytes(name: string, range?: ByteRange): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Reads a whole F32, F16, BF16 or F64 tensor as float32, row-major; F64 is rounded to the nearest. Throws a UserError
   * for another dtype, and for a number that float32 cannot hold.
   */
  readFloat32(name: string): Promise<Float32Array<ArrayBuffer>>;
  /**
   * As `readFloat32`, but yields the tensor in pieces of some MiB, in order. With `buffers` a piece may lie in them: it
   * is valid until the one after the next is requested.
   */
  streamFloat32(name: string, buffers?: PieceBuffers): AsyncGenerator<Float32Array<ArrayBuffer>>;
}

/** Opens one safetensors file among `files`, and reads only its header. */
export async function openSafetensors(files: ModelFiles, file: string): Promise<Weights> {
  const { metadata, tensors } = await readSafetensorsHeader(files, file);
  return weightsOf(files, { path: files.pathOf(file), metadata, tensors: locate(file, tensors) });
}

/** Opens the safetensors file at `path`, and reads only its header. */
export async function openSafetensorsAt(path: string): Promise<Weights> {
  const { files, file } = oneFile(path);
  return await openSafetensors(files, file);
}

const SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";

/** The files of which a model has one: its weights, or the list of the files that hold them. */
export const WEIGHT_FILES: readonly string[] = [SINGLE, INDEX];

/**
 * Opens `model.safetensors`, or else the shards of `model.safetensors.index.json`, and reads only headers. The tensors
 * of a GGUF file are as they are there, under llama.cpp's names.
 */
export async function openWeights(source: string | ModelFiles): Promise<Weights> {
  const files = await modelFilesOf(source);
  if (files.gguf !== undefined) {
    const { tensors } = await readGgufHeader(files, files.gguf);
    return weightsOf(files, { path: files.pathOf(files.gguf), metadata: {}, tensors });
  }
  if (await files.stat(SINGLE) !== null) return await openSafetensors(files, SINGLE);
  const json = await readOptionalJson(files, INDEX);
  if (json === null) {
    throw new UserError(`Cannot load weights from ${files.name}: it holds no weights, expected ${SINGLE} or ${INDEX}`);
  }
  const tensors = await readShards(files, json);
  return weightsOf(files, { path: files.pathOf(INDEX), metadata: {}, tensors });
}

async function readShards(files: ModelFiles, { weight_map: map }: Record<string, unknown>): Promise<Tensors> {
  const index = files.pathOf(INDEX);
  if (!isRecord(map) || Object.keys(map).length === 0) {
    throw new UserError(`Cannot read ${index}: "weight_map" is ${quote(map)}, expected an object of tensor: file`);
  }
  for (const [name, file] of Object.entries(map)) {
    // Only a bare name is allowed: with a separator it could lead out of the folder.
    if (typeof file !== "string" || !/^[^/\\:\0]+\.safetensors$/.test(file)) {
      throw new UserError(
        `Cannot read ${index}: the file of ${quote(name)} is ${
          quote(file)
        }, expected NAME.safetensors in the same folder`,
      );
    }
  }
  const shards = new Set(Object.values(map) as string[]);
  for (const file of shards) {
    if (await files.stat(file) === null) {
      throw new UserError(
        `Cannot load weights from ${files.name}: ${quote(file)} is missing, expected it from ${index}`,
      );
    }
  }
  const tensors: Tensors = new Map();
  for (const file of shards) {
    for (const [name, location] of locate(file, (await readSafetensorsHeader(files, file)).tensors)) {
      const expected = Object.hasOwn(map, name) ? map[name] : undefined;
      if (expected !== file) {
        throw new UserError(
          `Cannot load ${quote(name)} from ${files.pathOf(file)}: ${index} says ${quote(expected ?? null)}, expected ${
            quote(file)
          }`,
        );
      }
      tensors.set(name, location);
    }
  }
  for (const [name, file] of Object.entries(map)) {
    if (!tensors.has(name)) {
      throw new UserError(
        `Cannot load ${quote(name)} from ${
          files.pathOf(file as string)
        }: it is not in that file, expected it from ${index}`,
      );
    }
  }
  return tensors;
}

type Tensors = Map<string, TensorLocation>;

function locate(file: string, tensors: ReadonlyMap<string, TensorInfo>): Tensors {
  return new Map([...tensors].map(([name, info]) => [name, { ...info, file }]));
}

function weightsOf(
  files: ModelFiles,
  { path, metadata, tensors }: Pick<Weights, "path" | "metadata" | "tensors">,
): Weights {
  const find = (name: string) => {
    const tensor = tensors.get(name);
    if (!tensor) throw new UserError(`Cannot load ${quote(name)} from ${path}: there is no tensor of that name`);
    return tensor;
  };

  async function readBytes(name: string, range: ByteRange = {}): Promise<Uint8Array<ArrayBuffer>> {
    const tensor = find(name);
    const start = range.start ?? 0;
    const length = range.length ?? tensor.byteLength - start;
    if (start < 0 || length < 0 || start + length > tensor.byteLength) {
      throw new RangeError(
        `Cannot read ${length} bytes at ${start} of ${quote(name)}: it has ${tensor.byteLength} bytes`,
      );
    }
    return await files.read(tensor.file, { start: tensor.offset + start, length, into: range.into });
  }

  function findFloat(name: string): TensorLocation & { dtype: Dtype | "F64" } {
    const tensor = find(name);
    const { dtype } = tensor;
    if (!isReadable(dtype)) {
      throw new UserError(
        `Cannot load ${quote(name)} from ${files.pathOf(tensor.file)}: dtype is ${dtype}, expected ${READABLE}`,
      );
    }
    return { ...tensor, dtype };
  }

  async function readFloat32(name: string): Promise<Float32Array<ArrayBuffer>> {
    const { dtype, byteLength } = findFloat(name);
    const out = new Float32Array(byteLength / (dtype === "F64" ? 8 : DTYPE_BYTES[dtype]));
    let at = 0;
    for await (const values of streamFloat32(name)) {
      if (values.length === out.length) return values;
      out.set(values, at);
      at += values.length;
    }
    return out;
  }

  async function* streamFloat32(name: string, buffers?: PieceBuffers): AsyncGenerator<Float32Array<ArrayBuffer>> {
    const { dtype, file, offset, byteLength } = findFloat(name);
    for (let start = 0; start < byteLength; start += PIECE_BYTES) {
      const length = Math.min(PIECE_BYTES, byteLength - start);
      const bytes = await files.read(file, { start: offset + start, length, into: buffers?.next(length) });
      yield dtype === "F64" ? roundDoubles(bytes, { name, path: files.pathOf(file) }) : decodeFloat32(bytes, dtype);
    }
  }

  return { files, path, metadata, tensors, readBytes, readFloat32, streamFloat32 };
}

/** The dtypes that can be read, for messages. */
export const READABLE = "F32, F16, BF16 or F64";

/** Whether tensors of a dtype can be read as float32. */
export function isReadable(dtype: string): dtype is Dtype | "F64" {
  return isDtype(dtype) || dtype === "F64";
}

function roundDoubles(
  bytes: Uint8Array<ArrayBuffer>,
  { name, path }: { name: string; path: string },
): Float32Array<ArrayBuffer> {
  const doubles = new Float64Array(bytes.slice().buffer);
  const out = new Float32Array(doubles);
  const lost = doubles.findIndex((value, i) => Number.isFinite(value) && !Number.isFinite(out[i]!));
  if (lost < 0) return out;
  throw new UserError(
    `Cannot load ${quote(name)} from ${path}: it holds ${doubles[lost]}, expected numbers that float32 can hold`,
  );
}
