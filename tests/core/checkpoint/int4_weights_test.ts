/** Models that GPTQ and AWQ quantized. @module */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { openModelFolder } from "../../../core/checkpoint/model_folder.ts";
import { freeModel, loadFrozenModel, loadModel } from "../../../core/model/model.ts";
import { responseLogps } from "../../../core/model/row_logps.ts";
import { commands, device } from "../../_shared/device.ts";
import { exampleIds, withFolder } from "../_tiny.ts";
import type { RawTensor } from "./_fixtures.ts";
import { writeInt4 } from "./_int4_fixtures.ts";

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
