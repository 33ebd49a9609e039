/** Models that GPTQ and AWQ quantized, written here by the layouts that their programs define. @module */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { openModelFolder } from "../../../core/checkpoint/model_folder.ts";
import { f16ToF32, f32ToF16 } from "../../../core/dtype.ts";
import { freeModel, loadFrozenModel, loadModel } from "../../../core/model/model.ts";
import { responseLogps } from "../../../core/model/scorer.ts";
import { commands, device } from "../../_shared/device.ts";
import { writeTinyModel } from "../../_shared/tiny_model.ts";
import { exampleIds, withFolder } from "../_tiny.ts";
import { type RawTensor, safetensors } from "./_fixtures.ts";

type Method = "gptq" | "gptq_v2" | "awq";

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

async function writeInt4(
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

for (const method of ["gptq", "gptq_v2", "awq"] as const) {
  Deno.test(`a model that ${method} quantized is read as it is`, () =>
    withFolder(async (dir) => {
      const numbers = await writeInt4(dir, { method });
      const folder = await openModelFolder(dir);
      const frozen = await loadFrozenModel(device, dir);
      const full = await loadModel(device, dir);
      const reader = frozen.weights.openReader([...numbers.keys()]);
      for (const [name, values] of numbers) {
        deepEqual(await folder.readTensor(name), values, name);
        const pieces: number[] = [];
        for await (const piece of reader.next()) pieces.push(...piece);
        deepEqual(Float32Array.from(pieces), values, name);
      }
      await reader.close();
      equal(frozen.weights.locate("model.layers.1.self_attn.q_proj.weight").matrix.storage, "int4z");
      equal(folder.dtype, "F16");
      const rows = exampleIds(4);
      deepEqual(await responseLogps(commands, frozen, { rows }), await responseLogps(commands, full, { rows }));
      freeModel(frozen);
      freeModel(full);
    }));
}

const DOWN = "model.layers.1.mlp.down_proj";
const without = (side: string) => (tensors: Map<string, RawTensor>): void => void tensors.delete(`${DOWN}.${side}`);

Deno.test.each<[string, Parameters<typeof writeInt4>[1], RegExp]>([
  ["no zeros", { method: "gptq", change: without("qzeros") }, /down_proj\.qzeros" is missing, expected I32 \[2, 8\]$/],
  ["no scales", { method: "awq", change: without("scales") }, /down_proj\.scales" is missing, expected F16 \[2, 64\]$/],
  [
    "another group",
    { method: "gptq", settings: { group_size: 32 } },
    /qzeros" is I32 \[1, 8\], expected I32 \[2, 8\]$/,
  ],
  ["groups of half a row's", { method: "gptq", settings: { group_size: 96 } }, /expected rows of whole groups of 96/],
  ["inputs in another order", {
    method: "gptq",
    change: (tensors) => void (tensors.get(`${DOWN}.g_idx`)!.bytes[0] = 1),
  }, /down_proj\.g_idx" reorders its inputs, expected groups in their order \(desc_act: false\)$/],
  ["3 bits", { method: "gptq", settings: { bits: 3 } }, /"quantization_config" is .*expected it absent/],
  ["act-order", { method: "gptq", settings: { desc_act: true } }, /"quantization_config" is .*expected it absent/],
  ["another of AWQ's layouts", { method: "awq", settings: { version: "gemv" } }, /"quantization_config" is /],
])("a model of GPTQ or AWQ with %s is refused in one line", (_, options, expected) =>
  withFolder(async (dir) => {
    await writeInt4(dir, options);
    await rejects(openModelFolder(dir), (error: Error) => {
      equal(error.name, "UserError");
      equal(error.message.includes("\n"), false);
      equal(expected.test(error.message), true, error.message);
      return true;
    });
  }));
