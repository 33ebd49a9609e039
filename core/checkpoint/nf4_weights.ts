/**
 * Reads matrices that bitsandbytes quantized to nf4: two codes to a byte, the first in its upper half, in blocks of 64 of
 * the flat matrix, with the largest size of each block (`absmax`) as a float32, or quantized once more (QLoRA's double
 * quantization). @module
 */
import { NF4_LEVELS } from "../../kernels/storage/storage.ts";
import { UserError } from "../error.ts";
import { parseJsonObject } from "../files/io.ts";
import { isRecord, quote } from "../values.ts";
import { type CodedMatrix, type CodedWeights, codedWeights } from "./coded_weights.ts";
import type { TensorLocation, Weights } from "./stored_weights.ts";

const STATE = ".quant_state.bitsandbytes__nf4";
const SIDES = ["absmax", "quant_map", "nested_absmax", "nested_quant_map"] as const;
const BLOCK = 64;

interface State {
  shape: readonly [rows: number, columns: number];
  /** Of double quantization. */
  nested: { block: number; offset: number } | null;
}

/** Whether the `quantization_config` of a config.json says that bitsandbytes quantized the model to nf4. */
export function saysNf4(settings: unknown): boolean {
  return isRecord(settings) && settings.quant_method === "bitsandbytes" && settings.load_in_4bit === true &&
    settings.bnb_4bit_quant_type === "nf4";
}

/** The weights with each quantized matrix as one tensor of dtype NF4. Throws a UserError naming the tensor. */
export async function openNf4(weights: Weights): Promise<CodedWeights> {
  const states = new Map<string, State>();
  const tensors = new Map<string, TensorLocation>(weights.tensors);
  for (const [key, { file }] of weights.tensors) {
    if (!key.endsWith(STATE)) continue;
    const name = key.slice(0, -STATE.length);
    const refuse = (problem: string): UserError =>
      new UserError(`Cannot load ${quote(name)} from ${weights.files.pathOf(file)}: ${problem}`);
    const state = parseState(await weights.readBytes(key), refuse);
    const [rows, columns] = state.shape;
    const blocks = rows * columns / BLOCK;
    checkSide(weights, { name, dtype: "U8", elements: rows * columns / 2, refuse });
    checkSide(weights, { name: `${name}.absmax`, dtype: state.nested ? "U8" : "F32", elements: blocks, refuse });
    checkSide(weights, { name: `${name}.quant_map`, dtype: "F32", elements: 16, refuse });
    if (state.nested) {
      const outer = Math.ceil(blocks / state.nested.block);
      checkSide(weights, { name: `${name}.nested_absmax`, dtype: "F32", elements: outer, refuse });
      checkSide(weights, { name: `${name}.nested_quant_map`, dtype: "F32", elements: 256, refuse });
    }
    const levels = await weights.readFloat32(`${name}.quant_map`);
    if (!levels.every((level, i) => level === Math.fround(NF4_LEVELS[i]!))) throw refuse("its levels are not nf4's");
    for (const side of [...SIDES.map((side) => `${name}.${side}`), key]) tensors.delete(side);
    tensors.set(name, { ...weights.tensors.get(name)!, dtype: "NF4", shape: state.shape });
    states.set(name, state);
  }

  async function readCodes(name: string): Promise<CodedMatrix> {
    const packed = await weights.readBytes(name);
    const codes = packed.map((byte) => (byte >> 4) | (byte << 4));
    const scales = await readScales(name, states.get(name)!);
    return { codes, scales: new Uint8Array(scales.buffer, scales.byteOffset, scales.byteLength) };
  }

  async function readScales(name: string, { nested }: State): Promise<Float32Array<ArrayBuffer>> {
    if (nested === null) return await weights.readFloat32(`${name}.absmax`);
    const inner = await weights.readBytes(`${name}.absmax`);
    const [outer, map] = [
      await weights.readFloat32(`${name}.nested_absmax`),
      await weights.readFloat32(`${name}.nested_quant_map`),
    ];
    return Float32Array.from(
      inner,
      (code, i) => Math.fround(map[code]! * outer[Math.floor(i / nested.block)]!) + nested.offset,
    );
  }

  return codedWeights(weights, { tensors, isCoded: (name) => states.has(name), readCodes, decode });
}

function decode({ codes, scales }: CodedMatrix): Float32Array<ArrayBuffer> {
  const sizes = new Float32Array(scales.slice().buffer);
  return Float32Array.from({ length: 2 * codes.length }, (_, i) => {
    const code = (codes[i >> 1]! >> (i % 2 * 4)) & 15;
    return sizes[Math.floor(i / BLOCK)]! * Math.fround(NF4_LEVELS[code]!);
  });
}

type Refuse = (problem: string) => UserError;

function parseState(bytes: Uint8Array<ArrayBuffer>, refuse: Refuse): State {
  const state = parseJsonObject(bytes, "a quant_state of bitsandbytes");
  const { quant_type: type, blocksize, shape, nested_blocksize: block, nested_offset: offset } = state;
  const isShape = Array.isArray(shape) && shape.length === 2 &&
    shape.every((size) => Number.isSafeInteger(size) && size > 0);
  if (type !== "nf4" || blocksize !== BLOCK || !isShape || shape[1] % BLOCK !== 0) {
    throw refuse(
      `its quant_state is ${
        quote({ quant_type: type, blocksize, shape })
      }, expected nf4 in blocks of ${BLOCK} that fill its rows`,
    );
  }
  if (block === undefined) return { shape: [shape[0], shape[1]], nested: null };
  if (!Number.isSafeInteger(block) || (block as number) < 1 || !Number.isFinite(offset)) {
    throw refuse(`its quant_state has nested_blocksize ${quote(block)} and nested_offset ${quote(offset)}`);
  }
  const nested = { block: block as number, offset: Math.fround(offset as number) };
  return { shape: [shape[0], shape[1]], nested };
}

function checkSide(
  { tensors }: Weights,
  { name, dtype, elements, refuse }: { name: string; dtype: string; elements: number; refuse: Refuse },
): void {
  const tensor = tensors.get(name);
  const count = tensor?.shape.reduce((product, size) => product * size, 1);
  if (tensor?.dtype === dtype && count === elements) return;
  const is = tensor ? `${tensor.dtype} of ${count} numbers` : "missing";
  throw refuse(`${quote(name)} is ${is}, expected ${dtype} of ${elements}`);
}
