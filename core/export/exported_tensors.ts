/** The tensors of a GGUF file: names, types, and values in the order that llama.cpp wants. @module */
import { BLOCK, type BlockType, isBlockType } from "../checkpoint/gguf_blocks.ts";
import { type GgufName, ggufNames } from "../checkpoint/gguf_names.ts";
import type { GgufType } from "../checkpoint/gguf_types.ts";
import type { ModelFolder } from "../checkpoint/model_folder.ts";
import { checkValues } from "../checkpoint/save_folder.ts";
import { encodeFloat32, isDtype } from "../dtype.ts";
import { UserError } from "../error.ts";
import { modelTensors } from "../model/families/families.ts";
import { elementsOf } from "../model/families/model_tensors.ts";
import { inverseFrequencies } from "../model/families/rope_frequencies.ts";
import { quote } from "../values.ts";
import type { GgufTensor } from "./gguf_bytes.ts";
import { quantizeBlocks } from "./quantize_blocks.ts";

/** How the tensors are written. */
export interface TensorOptions {
  /** Whether q and k are stored with the two halves of each head interleaved, as llama.cpp's RoPE of Llama has them. */
  interleaves: boolean;
  /** Type of the matrices; null keeps each in its stored type. */
  quantize: BlockType | null;
  /** Yields a parameter by its canonical name, in pieces. */
  read: (name: string) => AsyncIterable<Float32Array>;
}

/** The tensors of a model in the file's order. Vectors are float32, as llama.cpp's kernels want them. */
export function exportedTensors(folder: ModelFolder, options: TensorOptions): GgufTensor[] {
  const { rope, headDim } = folder.config;
  const tensors = ggufNames(folder.config, options.interleaves).map((named): GgufTensor => {
    const { from: name, to } = named;
    const type = typeOf(folder, named, options);
    return { name, type, shape: to.shape, bytes: () => encoded(options.read(to.name), { ...named, type }) };
  });
  if (rope.type !== "llama3") return tensors;
  // llama.cpp divides its own frequencies by these.
  const plain = inverseFrequencies({ type: "default", theta: rope.theta }, headDim);
  const factors = Float32Array.from(inverseFrequencies(rope, headDim), (scaled, i) => plain[i]! / scaled);
  const shape = [headDim / 2];
  const bytes = async function* () {
    yield encodeFloat32(factors, "F32");
  };
  return [...tensors, { name: "rope_freqs.weight", type: "F32", shape, bytes }];
}

/** The type of a tensor. What gives the logits keeps 8 bits where all else has 4. */
function typeOf(
  { config, dtypeOf }: ModelFolder,
  { to: { name, shape } }: GgufName,
  { quantize }: TensorOptions,
): GgufType {
  if (shape.length === 1) return "F32";
  if (quantize !== null && shape.at(-1)! % BLOCK === 0) {
    return name === modelTensors(config).head.name ? "Q8_0" : quantize;
  }
  const dtype = dtypeOf(name);
  return isDtype(dtype) ? dtype : "F32";
}

async function* encoded(
  stream: AsyncIterable<Float32Array>,
  { to: { name, shape }, heads, type }: GgufName & { type: GgufType },
): AsyncGenerator<Uint8Array> {
  const pieces = heads === 0 ? stream : [interleaved(await whole(stream, shape), { rows: shape[0]!, heads })];
  if (!isBlockType(type)) {
    for await (const values of pieces) {
      checkValues(values, { name, dtype: type });
      yield encodeFloat32(values, type);
    }
    return;
  }
  for await (const values of inBlocks(pieces)) {
    checkValues(values, { name, dtype: "F32" });
    try {
      yield quantizeBlocks(values, type);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new UserError(`Cannot quantize ${quote(name)} as ${type}: ${error.message}`);
    }
  }
}

/** All pieces of a tensor as one: rows that trade places may be anywhere in it. */
async function whole(pieces: AsyncIterable<Float32Array>, shape: readonly number[]): Promise<Float32Array> {
  const values = new Float32Array(elementsOf({ shape }));
  let at = 0;
  for await (const piece of pieces) {
    values.set(piece, at);
    at += piece.length;
  }
  return values;
}

/** Puts row i + j·(half its rows) of each head at 2·i + j, so that the pairs that RoPE turns lie side by side. */
export function interleaved(values: Float32Array, { rows, heads }: { rows: number; heads: number }): Float32Array {
  const width = values.length / rows;
  const half = rows / heads / 2;
  const out = new Float32Array(values.length);
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < half; i++) {
      for (let j = 0; j < 2; j++) {
        const from = (head * 2 + j) * half + i;
        const to = (head * half + i) * 2 + j;
        out.set(values.subarray(from * width, (from + 1) * width), to * width);
      }
    }
  }
  return out;
}

/** The same numbers in pieces of whole blocks. */
async function* inBlocks(
  pieces: AsyncIterable<Float32Array> | Iterable<Float32Array>,
): AsyncGenerator<Float32Array> {
  let rest = new Float32Array();
  for await (const piece of pieces) {
    let values = piece;
    if (rest.length > 0) {
      values = new Float32Array(rest.length + piece.length);
      values.set(rest);
      values.set(piece, rest.length);
    }
    const whole = values.length - values.length % BLOCK;
    rest = values.slice(whole);
    if (whole > 0) yield values.subarray(0, whole);
  }
}
