/** The weights of a GGUF file under the names and in the order of a Hugging Face folder. @module */
import { decodeFloat32, isDtype } from "../dtype.ts";
import { UserError } from "../error.ts";
import type { PieceBuffers } from "../files/piece_buffers.ts";
import type { ModelConfig } from "../model/families/family.ts";
import { elementsOf } from "../model/families/model_tensors.ts";
import { quote } from "../values.ts";
import type { CodedMatrix, CodedWeights } from "./coded_weights.ts";
import { type BlockType, isBlockType, joinBlocks, scalesOf, splitBlocks } from "./gguf_blocks.ts";
import { type GgufName, ggufNames } from "./gguf_names.ts";
import type { ByteRange, TensorLocation, Weights } from "./stored_weights.ts";

/** The factors of RoPE, which the config has. */
const FACTORS = "rope_freqs.weight";

/** Numbers that are decoded at a time. */
const PIECE = 2 ** 21;

/**
 * The weights `stored` in a GGUF file, whose names are llama.cpp's, by the names of `config`'s parameters. Files of
 * Llama have the two halves of each head of q and k interleaved; here they follow one another. A matrix of codes is a
 * tensor of dtype Q8_0 or Q4_0. Throws a UserError naming file and tensor.
 */
export function openGgufWeights(stored: Weights, config: ModelConfig): CodedWeights {
  const names = new Map(ggufNames(config, config.modelType === "llama").map((name) => [name.to.name, name]));
  const tensors = renamed(stored, names);

  async function readBytes(name: string, range: ByteRange = {}): Promise<Uint8Array<ArrayBuffer>> {
    const { from, heads } = names.get(name) ?? { from: name, heads: 0 };
    if (heads === 0) return await stored.readBytes(from, range);
    const { shape: [rows = 1], byteLength } = tensors.get(name)!;
    const { start = 0, length = byteLength - start } = range;
    const headBytes = byteLength / heads;
    const first = Math.floor(start / headBytes) * headBytes;
    const end = Math.ceil((start + length) / headBytes) * headBytes;
    const bytes = await stored.readBytes(from, { start: first, length: end - first });
    return parted(bytes, { rowBytes: byteLength / rows, headBytes }).slice(start - first, start - first + length);
  }

  async function* streamFloat32(name: string, buffers?: PieceBuffers): AsyncGenerator<Float32Array<ArrayBuffer>> {
    const { dtype, shape, byteLength } = tensors.get(name)!;
    const rowBytes = byteLength / shape[0]!;
    const most = Math.max(1, Math.floor(PIECE / elementsOf({ shape: shape.slice(1) }))) * rowBytes;
    for (let start = 0; start < byteLength; start += most) {
      const length = Math.min(most, byteLength - start);
      const bytes = await readBytes(name, { start, length, into: buffers?.next(length) });
      yield isDtype(dtype) ? decodeFloat32(bytes, dtype) : joinBlocks(split(name, bytes), dtype as BlockType);
    }
  }

  async function readFloat32(name: string): Promise<Float32Array<ArrayBuffer>> {
    const out = new Float32Array(elementsOf(tensors.get(name)!));
    let at = 0;
    for await (const values of streamFloat32(name)) {
      out.set(values, at);
      at += values.length;
    }
    return out;
  }

  /** Throws a UserError, naming the tensor, for a scale that is not finite. */
  function split(name: string, bytes: Uint8Array): CodedMatrix {
    const matrix = splitBlocks(bytes, tensors.get(name)!.dtype as BlockType);
    const bad = scalesOf(matrix).find((scale) => !Number.isFinite(scale));
    if (bad === undefined) return matrix;
    throw refusal(stored, names.get(name)!.from, `a scale of its codes is ${bad}, expected finite ones`);
  }

  const readCodes = async (name: string): Promise<CodedMatrix> => split(name, await readBytes(name));
  return { ...stored, tensors, readBytes, readCodes, readFloat32, streamFloat32 };
}

/** The tensors by the names of the parameters; those that are none keep theirs. */
function renamed(stored: Weights, names: ReadonlyMap<string, GgufName>): Map<string, TensorLocation> {
  const tensors = new Map<string, TensorLocation>();
  const known = new Set([FACTORS]);
  for (const [name, { from }] of names) {
    const location = stored.tensors.get(from);
    if (location === undefined) continue;
    const { dtype, shape } = location;
    if (isBlockType(dtype) && shape.length !== 2) {
      throw refusal(
        stored,
        from,
        `it is ${dtype} [${shape.join(", ")}], expected F32, F16 or BF16 of what is no matrix`,
      );
    }
    known.add(from);
    tensors.set(name, location);
  }
  for (const [name, location] of stored.tensors) if (!known.has(name)) tensors.set(name, location);
  return tensors;
}

function refusal({ path }: Weights, tensor: string, problem: string): UserError {
  return new UserError(`Cannot load ${quote(tensor)} from ${path}: ${problem}`);
}

/** Puts row 2·i + j of each head at i + j·(half its rows). */
function parted(
  bytes: Uint8Array<ArrayBuffer>,
  { rowBytes, headBytes }: { rowBytes: number; headBytes: number },
): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(bytes.length);
  const half = headBytes / rowBytes / 2;
  for (let head = 0; head < bytes.length; head += headBytes) {
    for (let row = 0; row < 2 * half; row++) {
      const from = head + row * rowBytes;
      const to = head + ((row >> 1) + (row & 1) * half) * rowBytes;
      out.set(bytes.subarray(from, from + rowBytes), to);
    }
  }
  return out;
}
