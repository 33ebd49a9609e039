/** Models in bitsandbytes' nf4. @module */
import { openModelFolder } from "../../../core/checkpoint/model_folder.ts";
import { bf16ToF32, f32ToBf16 } from "../../../core/dtype.ts";
import { NF4_LEVELS } from "../../../kernels/storage/storage.ts";
import { writeTinyModel } from "../../_shared/tiny_model.ts";
import { type RawTensor, safetensors } from "./_fixtures.ts";

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
/** A tensor of float32 numbers. */
export const f32 = (values: Float32Array): RawTensor => ({
  dtype: "F32",
  shape: [values.length],
  bytes: bytesOf(values),
});
/** A tensor of bytes. */
export const u8 = (values: Uint8Array, shape = [values.length]): RawTensor => ({ dtype: "U8", shape, bytes: values });

/** A random matrix in nf4 with the tensors that bitsandbytes stores, and its numbers. */
function quantized(
  name: string,
  [rows, columns]: [number, number],
  isDouble: boolean,
): { tensors: [string, RawTensor][]; values: Float32Array<ArrayBuffer> } {
  let state = rows * 31 + columns + name.length;
  const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const codes = Uint8Array.from({ length: rows * columns }, () => random() * 16);
  const packed = Uint8Array.from({ length: codes.length / 2 }, (_, i) => (codes[2 * i]! << 4) | codes[2 * i + 1]!);
  const blocks = codes.length / 64;
  const levels = Float32Array.from(NF4_LEVELS);
  const settings = { quant_type: "nf4", blocksize: 64, dtype: "bfloat16", shape: [rows, columns] };
  let absmax = Float32Array.from({ length: blocks }, () => 0.05 + 0.1 * random());
  let [sides, nested]: [[string, RawTensor][], Record<string, unknown>] = [[["absmax", f32(absmax)]], {}];
  if (isDouble) {
    const inner = Uint8Array.from({ length: blocks }, () => random() * 256);
    const map = Float32Array.from({ length: 256 }, (_, i) => i / 255 - 0.5);
    const outer = Float32Array.from({ length: Math.ceil(blocks / 4) }, () => 0.1 * random());
    const offset = Math.fround(0.0837);
    absmax = Float32Array.from(inner, (code, i) => Math.fround(map[code]! * outer[i >> 2]!) + offset);
    sides = [["absmax", u8(inner)], ["nested_absmax", f32(outer)], ["nested_quant_map", f32(map)]];
    nested = { nested_blocksize: 4, nested_dtype: "float32", nested_offset: offset };
  }
  const blob = new TextEncoder().encode(JSON.stringify({ ...settings, ...nested }));
  return {
    tensors: [
      [name, u8(packed, [packed.length, 1])],
      ...sides.map(([side, tensor]): [string, RawTensor] => [`${name}.${side}`, tensor]),
      [`${name}.quant_map`, f32(levels)],
      [`${name}.quant_state.bitsandbytes__nf4`, u8(blob)],
    ],
    values: Float32Array.from(codes, (code, i) => absmax[i >> 6]! * levels[code]!),
  };
}

/**
 * Writes a model whose layers are in nf4, but for one matrix, by the layout that bitsandbytes' code defines; returns its
 * numbers.
 */
export async function writeNf4(
  dir: string,
  { isDouble = false, change = () => {} }: { isDouble?: boolean; change?: (tensors: Map<string, RawTensor>) => void } =
    {},
): Promise<Map<string, Float32Array>> {
  const config = { hidden_size: 64, num_attention_heads: 4, intermediate_size: 128 };
  await writeTinyModel(dir, { config });
  const folder = await openModelFolder(dir);
  const [tensors, numbers] = [new Map<string, RawTensor>(), new Map<string, Float32Array>()];
  for (const [name, { shape }] of folder.weights.tensors) {
    if (/layers.*proj/.test(name) && !name.includes("layers.1.self_attn.k_proj")) {
      const made = quantized(name, [shape[0]!, shape[1]!], isDouble);
      for (const [key, tensor] of made.tensors) tensors.set(key, tensor);
      numbers.set(name, made.values);
    } else {
      const bits = f32ToBf16(await folder.readTensor(name));
      tensors.set(name, { dtype: "BF16", shape: [...shape], bytes: bytesOf(bits) });
      numbers.set(name, bf16ToF32(bits));
    }
  }
  change(tensors);
  await Deno.writeFile(`${dir}/model.safetensors`, safetensors(Object.fromEntries(tensors)));
  const quantization_config = { quant_method: "bitsandbytes", load_in_4bit: true, bnb_4bit_quant_type: "nf4" };
  await Deno.writeTextFile(`${dir}/config.json`, JSON.stringify({ ...folder.config.raw, quantization_config }));
  return numbers;
}
