/** Models in bitsandbytes' nf4. @module */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { openModelFolder } from "../../../core/checkpoint/model_folder.ts";
import { freeModel, loadFrozenModel, loadModel } from "../../../core/model/model.ts";
import { responseLogps } from "../../../core/model/row_logps.ts";
import { lighterBases } from "../../../core/plan/lighter_settings.ts";
import { planRun } from "../../../core/plan/plan_run.ts";
import { commands, device } from "../../_shared/device.ts";
import { jsonLines, tinyPairs } from "../../_shared/tiny_model.ts";
import { exampleIds, withFolder } from "../_tiny.ts";
import { configOf } from "../loop/_runs.ts";
import type { RawTensor } from "./_fixtures.ts";
import { f32, u8, writeNf4 } from "./_nf4_fixtures.ts";

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
