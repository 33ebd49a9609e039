/** Models in bitsandbytes' nf4, written here by the layout that its code defines. @module */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { openModelFolder } from "../../../core/checkpoint/model_folder.ts";
import { bf16ToF32, f32ToBf16 } from "../../../core/dtype.ts";
import { freeModel, loadFrozenModel, loadModel } from "../../../core/model/model.ts";
import { responseLogps } from "../../../core/model/scorer.ts";
import { lighterBases } from "../../../core/plan/lighter_settings.ts";
import { planRun } from "../../../core/plan/plan_run.ts";
import { NF4_LEVELS } from "../../../kernels/storage/storage.ts";
import { commands, device } from "../../_shared/device.ts";
import { jsonLines, tinyPairs, writeTinyModel } from "../../_shared/tiny_model.ts";
import { exampleIds, withFolder } from "../_tiny.ts";
import { configOf } from "../loop/_runs.ts";
import { type RawTensor, safetensors } from "./_fixtures.ts";

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
const f32 = (values: Float32Array): RawTensor => ({ dtype: "F32", shape: [values.length], bytes: bytesOf(values) });
const u8 = (values: Uint8Array, shape = [values.length]): RawTensor => ({ dtype: "U8", shape, bytes: values });

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

/** Writes a model whose layers are in nf4, but for one matrix; returns its numbers. */
async function writeNf4(
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

for (const isDouble of [false, true]) {
  Deno.test(`a model in bitsandbytes' nf4 is read as it is${isDouble ? ", double quantization undone" : ""}`, () =>
    withFolder(async (dir) => {
      const numbers = await writeNf4(dir, { isDouble });
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
      const down = "model.layers.0.mlp.down_proj.weight";
      equal(folder.dtypeOf(down), "NF4");
      equal(frozen.weights.stored(down).storage, "nf4");
      equal(folder.dtype, "BF16");
      // Acting as one with a matrix that is not quantized, q and v are in float32.
      equal(frozen.weights.locate("model.layers.1.self_attn.q_proj.weight").matrix.storage, "f32");
      const rows = exampleIds(4);
      deepEqual(await responseLogps(commands, frozen, { rows }), await responseLogps(commands, full, { rows }));
      freeModel(frozen);
      freeModel(full);
      await rejects(loadFrozenModel(device, dir, { quantization: "int8" }), {
        name: "UserError",
        message:
          /^Cannot quantize "model\.layers\.0\..*" to int8: its file has it as codes already, expected quantization: none$/,
      });
    }));
}

Deno.test("a model that came quantized is not trained in all its weights, nor advised to be quantized", () =>
  withFolder(async (dir) => {
    await writeNf4(dir);
    const folder = await openModelFolder(dir);
    equal(folder.comesQuantized, "bitsandbytes");
    await rejects(loadModel(device, dir, { isTrained: true }), {
      name: "UserError",
      message:
        /^Cannot train all weights of \S+: quantization_config of its config\.json says bitsandbytes, and quantized weights are not trained; set lora \(lora: \{\} will do\), or name a model$/,
    });
    deepEqual(lighterBases("none", { isFrozen: true, folder }), ["none"]);
    deepEqual(lighterBases("none", { isFrozen: true, folder: { comesQuantized: null } }), ["none", "int8", "int4"]);
    const config = await configOf(dir, { model: dir, pairs: `${dir}/pairs.jsonl`, noise: "none" });
    delete config.data.train;
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(4)));
    await rejects(planRun(config, { device, time: false }), /^UserError: Cannot train all weights of /);
    const adapted = { ...config, lora: (await configOf(dir, { lora: { r: 2 } })).lora! };
    const { advice } = await planRun(adapted, { device, time: false, memory: 1000 });
    equal(advice[0]!.change, null);
  }));

const DOWN = "model.layers.1.mlp.down_proj.weight";

/** Another quant_state of a matrix. */
const withState = (state: Record<string, unknown>) => (tensors: Map<string, RawTensor>): void => {
  const key = `${DOWN}.quant_state.bitsandbytes__nf4`;
  const old = JSON.parse(new TextDecoder().decode(tensors.get(key)!.bytes));
  tensors.set(key, u8(new TextEncoder().encode(JSON.stringify({ ...old, ...state }))));
};

Deno.test.each<[string, (tensors: Map<string, RawTensor>) => void, RegExp]>([
  [
    "another type",
    withState({ quant_type: "fp4" }),
    /quant_state is \{"quant_type":"fp4","blocksize":64,"shape":\[64,128\]\}, expected nf4 in blocks of 64/,
  ],
  ["another block", withState({ blocksize: 128 }), /"blocksize":128/],
  ["rows that end within a block", withState({ shape: [256, 32] }), /that fill its rows$/],
  ["a shape of other numbers", withState({ shape: [64, 256] }), /is U8 of 4096 numbers, expected U8 of 8192$/],
  ["a shape that the config has not", withState({ shape: [128, 64] }), /shape is \[128, 64\], expected \[64, 128\]/],
  [
    "a nested offset that is no number",
    withState({ nested_blocksize: 256, nested_offset: null }),
    /nested_offset null$/,
  ],
  ["no scales", (tensors) => void tensors.delete(`${DOWN}.absmax`), /absmax" is missing, expected F32 of 128$/],
  [
    "other levels",
    (tensors) => void tensors.set(`${DOWN}.quant_map`, f32(new Float32Array(16))),
    /its levels are not nf4's$/,
  ],
  [
    "a state that is no JSON",
    (tensors) => void tensors.set(`${DOWN}.quant_state.bitsandbytes__nf4`, u8(new Uint8Array(3))),
    /quant_state of bitsandbytes/,
  ],
])("a model in nf4 with %s is refused in one line", (_, change, expected) =>
  withFolder(async (dir) => {
    await writeNf4(dir, { change });
    await rejects(openModelFolder(dir), (error: Error) => {
      equal(error.name, "UserError");
      equal(error.message.includes("\n"), false);
      equal(expected.test(error.message), true, error.message);
      return true;
    });
  }));
