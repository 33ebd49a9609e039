/** The weights of a Hugging Face folder: one safetensors file, or shards with an index. @module */
import { join } from "node:path";
import { UserError } from "../error.ts";
import { exists, explainIoError, readJsonObject } from "../files/io.ts";
import { isRecord, quote } from "../values.ts";
import { decodeFloat32, type Dtype, DTYPE_BYTES, isDtype } from "./dtype.ts";
import { readExactly, readSafetensorsHeader, type TensorInfo } from "./safetensors_header.ts";

/** Converted in pieces, so that a large tensor needs its float32 copy and little more. */
const CHUNK_BYTES = 8 * 2 ** 20;

/** Where a tensor lies. */
export interface TensorLocation extends TensorInfo {
  /** Path of the safetensors file. */
  file: string;
}

/** Part of a tensor, in bytes. */
export interface ByteRange {
  /** First byte within the tensor (default 0). */
  start?: number;
  /** Number of bytes (default: to the tensor's end). */
  length?: number;
}

/** Tensors of an opened folder; nothing is kept open, every read opens its file. */
export interface Weights {
  /** The file that says which tensors there are: `model.safetensors` or the index of the shards. */
  readonly path: string;
  /** Tensors by the name they have in the file. */
  readonly tensors: ReadonlyMap<string, TensorLocation>;
  /** The stored bytes of a tensor or a range of it; throws a UserError where they cannot be read. */
  readBytes(name: string, range?: ByteRange): Promise<Uint8Array<ArrayBuffer>>;
  /** A whole F32, F16 or BF16 tensor as float32, row-major; throws a UserError for another dtype. */
  readFloat32(name: string): Promise<Float32Array<ArrayBuffer>>;
  /** As `readFloat32`, in pieces of some MiB, in order. */
  streamFloat32(name: string): AsyncGenerator<Float32Array<ArrayBuffer>>;
}

/** Opens one safetensors file, reading its header only. */
export async function openSafetensors(path: string): Promise<Weights> {
  return weightsOf(path, locate(path, (await readSafetensorsHeader(path)).tensors));
}

/** Opens `model.safetensors` or else `model.safetensors.index.json` in `dir`, reading headers only. */
export async function openWeights(dir: string): Promise<Weights> {
  const single = join(dir, "model.safetensors");
  if (await exists(single)) return await openSafetensors(single);
  const index = join(dir, "model.safetensors.index.json");
  if (await exists(index)) return weightsOf(index, await readShards(dir, index));
  throw new UserError(
    `Cannot load weights from ${dir}: it holds no weights, expected model.safetensors or model.safetensors.index.json`,
  );
}

async function readShards(dir: string, index: string): Promise<Map<string, TensorLocation>> {
  const { weight_map: map } = await readJsonObject(index);
  if (!isRecord(map) || Object.keys(map).length === 0) {
    throw new UserError(`Cannot read ${index}: "weight_map" is ${quote(map)}, expected an object of tensor: file`);
  }
  for (const [name, file] of Object.entries(map)) {
    // A bare name only: anything with a separator could lead out of the folder.
    if (typeof file !== "string" || !/^[^/\\:\0]+\.safetensors$/.test(file)) {
      throw new UserError(
        `Cannot read ${index}: the file of ${quote(name)} is ${
          quote(file)
        }, expected NAME.safetensors in the same folder`,
      );
    }
  }
  const files = new Set(Object.values(map) as string[]);
  for (const file of files) {
    if (!(await exists(join(dir, file)))) {
      throw new UserError(`Cannot load weights from ${dir}: ${quote(file)} is missing, expected it from ${index}`);
    }
  }
  const tensors = new Map<string, TensorLocation>();
  for (const file of files) {
    const path = join(dir, file);
    for (const [name, location] of locate(path, (await readSafetensorsHeader(path)).tensors)) {
      const expected = Object.hasOwn(map, name) ? map[name] : undefined;
      if (expected !== file) {
        throw new UserError(
          `Cannot load ${quote(name)} from ${path}: ${index} says ${quote(expected ?? null)}, expected ${quote(file)}`,
        );
      }
      tensors.set(name, location);
    }
  }
  for (const [name, file] of Object.entries(map)) {
    if (!tensors.has(name)) {
      throw new UserError(
        `Cannot load ${quote(name)} from ${
          join(dir, file as string)
        }: it is not in that file, expected it from ${index}`,
      );
    }
  }
  return tensors;
}

function locate(file: string, tensors: ReadonlyMap<string, TensorInfo>): Map<string, TensorLocation> {
  return new Map([...tensors].map(([name, info]) => [name, { ...info, file }]));
}

function weightsOf(path: string, tensors: ReadonlyMap<string, TensorLocation>): Weights {
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
    return await withFile(tensor, (file) => readAt(file, { tensor, start, length }));
  }

  function findFloat(name: string): TensorLocation & { dtype: Dtype } {
    const tensor = find(name);
    const { dtype } = tensor;
    if (!isDtype(dtype)) {
      throw new UserError(
        `Cannot load ${quote(name)} from ${tensor.file}: dtype is ${dtype}, expected F32, F16 or BF16`,
      );
    }
    return { ...tensor, dtype };
  }

  async function readFloat32(name: string): Promise<Float32Array<ArrayBuffer>> {
    const { dtype, byteLength } = findFloat(name);
    const out = new Float32Array(byteLength / DTYPE_BYTES[dtype]);
    let at = 0;
    for await (const values of streamFloat32(name)) {
      if (values.length === out.length) return values;
      out.set(values, at);
      at += values.length;
    }
    return out;
  }

  async function* streamFloat32(name: string): AsyncGenerator<Float32Array<ArrayBuffer>> {
    const tensor = findFloat(name);
    try {
      using file = await Deno.open(tensor.file);
      for (let start = 0; start < tensor.byteLength; start += CHUNK_BYTES) {
        const length = Math.min(CHUNK_BYTES, tensor.byteLength - start);
        yield decodeFloat32(await readAt(file, { tensor, start, length }), tensor.dtype);
      }
    } catch (error) {
      throw explainIoError(error, `Cannot read ${tensor.file}`);
    }
  }

  return { path, tensors, readBytes, readFloat32, streamFloat32 };
}

async function withFile<T>(tensor: TensorLocation, use: (file: Deno.FsFile) => Promise<T>): Promise<T> {
  try {
    using file = await Deno.open(tensor.file);
    return await use(file);
  } catch (error) {
    throw explainIoError(error, `Cannot read ${tensor.file}`);
  }
}

async function readAt(
  file: Deno.FsFile,
  { tensor, start, length }: { tensor: TensorLocation; start: number; length: number },
): Promise<Uint8Array<ArrayBuffer>> {
  await file.seek(tensor.offset + start, Deno.SeekMode.Start);
  return await readExactly(file, { path: tensor.file, length });
}
