/** Models that GPTQ and AWQ quantized. @module */
import { openModelFolder } from "../../../core/checkpoint/model_folder.ts";
import { f16ToF32, f32ToF16 } from "../../../core/dtype.ts";
import { writeTinyModel } from "../../_shared/tiny_model.ts";
import { type RawTensor, safetensors } from "./_fixtures.ts";

/** What made a model; gptq_v2 stores its zeros as they are. */
export type Method = "gptq" | "gptq_v2" | "awq";

const bytesOf = ({ buffer }: Uint32Array | Uint16Array): Uint8Array => new Uint8Array(buffer as ArrayBuffer);
const GROUP = 64;
/** Outputs in a word of AWQ's, from its lowest bits on. */
const AWQ_ORDER = [0, 2, 4, 6, 1, 3, 5, 7];

/** A random matrix with the tensors that a method stores, and its numbers. */
function quantized(
  base: string,
  { rows, columns, method }: { rows: number; columns: number; method: Method },
): { tensors: [string, RawTensor][]; values: Float32Array<ArrayBuffer> } {
  let state = rows * 31 + columns + base.length;
  const random = (below: number): number =>
    Math.floor(below * (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32);
  const groups = columns / GROUP;
  const code = Array.from({ length: rows }, () => Array.from({ length: columns }, () => random(16)));
  const zero = Array.from({ length: groups }, () => Array.from({ length: rows }, () => 1 + random(15)));
  const scales = f32ToF16(Float32Array.from({ length: groups * rows }, () => (1 + random(1000)) * 2e-5));
  const word = (nibbles: (place: number) => number): number =>
    Array.from({ length: 8 }, (_, place) => nibbles(place) << (4 * place)).reduce((a, b) => a | b) >>> 0;
  const stored = method === "gptq" ? 1 : 0;
  const place = (o: number): number => method === "awq" ? AWQ_ORDER[o]! : o;
  const qweight = method === "awq"
    ? Uint32Array.from(
      { length: columns * rows / 8 },
      (_, i) => word((n) => code[i % (rows / 8) * 8 + place(n)]![Math.floor(i / (rows / 8))]!),
    )
    : Uint32Array.from(
      { length: columns / 8 * rows },
      (_, i) => word((n) => code[i % rows]![Math.floor(i / rows) * 8 + n]!),
    );
  const qzeros = Uint32Array.from(
    { length: groups * rows / 8 },
    (_, i) => word((n) => zero[Math.floor(i / (rows / 8))]![i % (rows / 8) * 8 + place(n)]! - stored),
  );
  const index = Uint32Array.from({ length: columns }, (_, i) => Math.floor(i / GROUP));
  const shape = method === "awq" ? [columns, rows / 8] : [columns / 8, rows];
  const sizes = f16ToF32(scales);
  return {
    tensors: [
      [`${base}.qweight`, { dtype: "I32", shape, bytes: bytesOf(qweight) }],
      [`${base}.qzeros`, { dtype: "I32", shape: [groups, rows / 8], bytes: bytesOf(qzeros) }],
      [`${base}.scales`, { dtype: "F16", shape: [groups, rows], bytes: bytesOf(scales) }],
      ...method === "awq" ? [] : [
        [`${base}.g_idx`, { dtype: "I32", shape: [columns], bytes: bytesOf(index) }] as [string, RawTensor],
      ],
    ],
    values: Float32Array.from({ length: rows * columns }, (_, i) => {
      const [o, g] = [Math.floor(i / columns), Math.floor(i % columns / GROUP)];
      return sizes[g * rows + o]! * (code[o]![i % columns]! - zero[g]![o]!);
    }),
  };
}

/** Writes a model whose layers GPTQ or AWQ made, by the layouts that their programs define; returns its numbers. */
export async function writeInt4(
  dir: string,
  { method, change = () => {}, settings = {} }: {
    method: Method;
    change?: (tensors: Map<string, RawTensor>) => void;
    settings?: Record<string, unknown>;
  },
): Promise<Map<string, Float32Array>> {
  await writeTinyModel(dir, { config: { hidden_size: 64, num_attention_heads: 4, intermediate_size: 128 } });
  const folder = await openModelFolder(dir);
  const [tensors, numbers] = [new Map<string, RawTensor>(), new Map<string, Float32Array>()];
  for (const [name, { shape }] of folder.weights.tensors) {
    if (/layers.*proj/.test(name)) {
      const made = quantized(name.replace(/\.weight$/, ""), { rows: shape[0]!, columns: shape[1]!, method });
      for (const [key, tensor] of made.tensors) tensors.set(key, tensor);
      numbers.set(name, made.values);
    } else {
      const bits = f32ToF16(await folder.readTensor(name));
      tensors.set(name, { dtype: "F16", shape: [...shape], bytes: bytesOf(bits) });
      numbers.set(name, f16ToF32(bits));
    }
  }
  change(tensors);
  await Deno.writeFile(`${dir}/model.safetensors`, safetensors(Object.fromEntries(tensors)));
  const quantization_config = {
    bits: 4,
    group_size: GROUP,
    ...method === "awq"
      ? { quant_method: "awq", version: "gemm", zero_point: true }
      : { quant_method: "gptq", desc_act: false, sym: false, checkpoint_format: method },
    ...settings,
  };
  await Deno.writeTextFile(`${dir}/config.json`, JSON.stringify({ ...folder.config.raw, quantization_config }));
  return numbers;
}
