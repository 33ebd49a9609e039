/**
 * Reads matrices that GPTQ and AWQ made: codes of 4 bits with a scale and a zero for each group along the inputs. GPTQ
 * has eight inputs to a word, AWQ eight outputs in the order 0 2 4 6 1 3 5 7. @module
 */
import { STORAGE_FACTS } from "../../kernels/storage/storage.ts";
import { f16ToF32 } from "../dtype.ts";
import { UserError } from "../error.ts";
import { isRecord, quote } from "../values.ts";
import { type CodedMatrix, type CodedWeights, codedWeights } from "./coded_weights.ts";
import type { TensorLocation, Weights } from "./stored_weights.ts";

/** How a model was quantized. */
export interface Int4Settings {
  method: "gptq" | "awq";
  /** Inputs of a group; -1 for all. */
  group: number;
  /** Added to a stored zero. */
  added: 0 | 1;
}

/** What the `quantization_config` of a config.json says, if it is GPTQ's or AWQ's and can be read, else null. */
export function int4Settings(settings: unknown): Int4Settings | null {
  if (!isRecord(settings) || settings.bits !== 4) return null;
  const { quant_method: method, group_size: group, desc_act: isReordered, checkpoint_format: format = "gptq" } =
    settings;
  if (
    !Number.isSafeInteger(group) || (group !== -1 && ((group as number) < GROUP || (group as number) % GROUP !== 0))
  ) {
    return null;
  }
  if (method === "gptq" && !isReordered && (format === "gptq" || format === "gptq_v2")) {
    return { method, group: group as number, added: format === "gptq" ? 1 : 0 };
  }
  const isGemm = String(settings.version ?? "gemm").toLowerCase() === "gemm";
  return method === "awq" && isGemm && settings.zero_point === true
    ? { method, group: group as number, added: 0 }
    : null;
}

const GROUP = STORAGE_FACTS.int4z.group;
/** The place of each output's code in a word of AWQ's. */
const AWQ_PLACES = [0, 4, 1, 5, 2, 6, 3, 7];

/** A matrix, by the name of its module. */
interface Module {
  base: string;
  rows: number;
  columns: number;
  group: number;
}

/** The weights with each quantized matrix as one tensor of dtype INT4Z. Throws a UserError naming the tensor. */
export async function openInt4(weights: Weights, settings: Int4Settings): Promise<CodedWeights> {
  const modules = new Map<string, Module>();
  const tensors = new Map<string, TensorLocation>(weights.tensors);
  for (const [key, location] of weights.tensors) {
    if (!key.endsWith(".qweight")) continue;
    const base = key.slice(0, -".qweight".length);
    const module = await openModule(weights, { base, ...settings });
    for (const side of ["qweight", "qzeros", "scales", "g_idx"]) tensors.delete(`${base}.${side}`);
    const shape = [module.rows, module.columns];
    tensors.set(`${base}.weight`, { ...location, dtype: "INT4Z", shape });
    modules.set(`${base}.weight`, module);
  }
  const words = async (name: string): Promise<Uint32Array> =>
    new Uint32Array((await weights.readBytes(name)).slice().buffer);

  async function readCodes(name: string): Promise<CodedMatrix> {
    const module = modules.get(name)!;
    const { base, rows, columns, group } = module;
    const [codes, zeros] = [await words(`${base}.qweight`), await words(`${base}.qzeros`)];
    const halves = new Uint16Array((await weights.readBytes(`${base}.scales`)).slice().buffer);
    const out = settings.method === "gptq" ? fromGptq(codes, module) : fromAwq(codes, module);
    const scales = new Uint32Array(rows * columns / GROUP);
    for (let row = 0; row < rows; row++) {
      const place = 4 * (settings.method === "gptq" ? row % 8 : AWQ_PLACES[row % 8]!);
      for (let i = 0; i < columns / GROUP; i++) {
        const g = Math.floor(i * GROUP / group);
        const zero = ((zeros[g * rows / 8 + (row >> 3)]! >>> place) & 15) + settings.added;
        scales[row * columns / GROUP + i] = halves[g * rows + row]! | zero << 16;
      }
    }
    return { codes: new Uint8Array(out.buffer), scales: new Uint8Array(scales.buffer) };
  }

  return codedWeights(weights, { tensors, isCoded: (name) => modules.has(name), readCodes, decode });
}

function fromGptq(codes: Uint32Array, { rows, columns }: Module): Uint32Array<ArrayBuffer> {
  const out = new Uint32Array(codes.length);
  const words = columns / 8;
  for (let i = 0; i < words; i++) for (let row = 0; row < rows; row++) out[row * words + i] = codes[i * rows + row]!;
  return out;
}

function fromAwq(codes: Uint32Array, { rows, columns }: Module): Uint32Array<ArrayBuffer> {
  const out = new Uint32Array(codes.length);
  for (let column = 0; column < columns; column++) {
    for (let row = 0; row < rows; row++) {
      const code = (codes[column * rows / 8 + (row >> 3)]! >>> (4 * AWQ_PLACES[row % 8]!)) & 15;
      out[(row * columns + column) >> 3]! |= code << (column % 8 * 4);
    }
  }
  return out;
}

function decode({ codes, scales }: CodedMatrix): Float32Array<ArrayBuffer> {
  const words = new Uint32Array(scales.buffer);
  const sizes = f16ToF32(Uint16Array.from(words, (word) => word & 0xffff));
  return Float32Array.from({ length: 2 * codes.length }, (_, i) => {
    const code = (codes[i >> 1]! >> (i % 2 * 4)) & 15;
    const group = Math.floor(i / GROUP);
    return sizes[group]! * (code - (words[group]! >>> 16));
  });
}

/** Checks a module's tensors. Throws a UserError naming the one that is wrong. */
async function openModule(
  weights: Weights,
  { base, method, group: size }: { base: string } & Int4Settings,
): Promise<Module> {
  const name = `${base}.qweight`;
  const { shape, file } = weights.tensors.get(name)!;
  const refuse = (problem: string): UserError =>
    new UserError(`Cannot load ${quote(name)} from ${weights.files.pathOf(file)}: ${problem}`);
  const [first = 0, second = 0] = shape;
  const [rows, columns] = method === "gptq" ? [second, first * 8] : [second * 8, first];
  const group = size === -1 ? columns : size;
  if (shape.length !== 2 || rows % 8 !== 0 || columns % group !== 0 || columns % GROUP !== 0 || rows * columns === 0) {
    throw refuse(
      `shape is [${shape.join(", ")}], expected rows of whole groups of ${group}, and a multiple of 8 of them`,
    );
  }
  const groups = columns / group;
  const expected: Record<string, [dtype: string, ...shape: number[]]> = {
    qweight: ["I32", ...shape],
    qzeros: ["I32", groups, rows / 8],
    scales: ["F16", groups, rows],
  };
  for (const [side, [dtype, ...sizes]] of Object.entries(expected)) {
    const tensor = weights.tensors.get(`${base}.${side}`);
    if (tensor?.dtype === dtype && tensor.shape.join() === sizes.join()) continue;
    const is = tensor ? `${tensor.dtype} [${tensor.shape.join(", ")}]` : "missing";
    throw refuse(`${quote(`${base}.${side}`)} is ${is}, expected ${dtype} [${sizes.join(", ")}]`);
  }
  const index = weights.tensors.get(`${base}.g_idx`);
  if (index === undefined) return { base, rows, columns, group };
  const order = index.dtype === "I32" && index.shape.join() === String(columns)
    ? new Int32Array((await weights.readBytes(`${base}.g_idx`)).slice().buffer)
    : null;
  if (!order?.every((g, i) => g === Math.floor(i / group))) {
    throw refuse(`${quote(`${base}.g_idx`)} reorders its inputs, expected groups in their order (desc_act: false)`);
  }
  return { base, rows, columns, group };
}
