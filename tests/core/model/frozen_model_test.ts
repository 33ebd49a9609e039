import { equal, rejects } from "node:assert/strict";
import { storeAdapter } from "../../../core/model/lora_adapter.ts";
import { mergedWeights } from "../../../core/model/merged_weights.ts";
import { freeModel, loadFrozenModel, storeModel } from "../../../core/model/model.ts";
import { commands, device } from "../../_shared/device.ts";
import { families } from "../../_shared/families.ts";
import { writeTinyModel } from "../../_shared/tiny_model.ts";
import { readTensors } from "../../_shared/trajectory.ts";
import { withFolder } from "../_tiny.ts";
import { checkFrozen, SIZES, testFrozen, trained, writeBoth } from "./_frozen_model.ts";

/*
 * A GPU's kernels have sizes that fill no word, a CPU's those of whole groups: each compiles the texts of a size for many
 * seconds. The other sizes, and ways of holding, are in tests/soak/frozen_model_soak_test.ts.
 */
for (const held of ["BF16", "int8", "int4", "nf4"] as const) testFrozen("a word's half", held, "gpu");
for (const held of ["BF16", "int4", "nf4"] as const) testFrozen("whole groups", held, "cpu");

Deno.test("a frozen model with biases and tied embeddings is its float32 model", () =>
  checkFrozen(commands, {
    quantization: "int8",
    dtype: "BF16",
    config: { architectures: ["Qwen2ForCausalLM"], model_type: "qwen2", tie_word_embeddings: true },
  }));

Deno.test("mergedWeights() adds the adapter to the dequantized weights", () =>
  withFolder(async (dir) => {
    await writeBoth(dir, { dtype: "BF16", quantization: "int4", config: SIZES["a word's half"]! });
    await Deno.mkdir(`${dir}/a`);
    // Its kernels have been compiled above.
    const { commands } = families.find(({ family }) => family === "gpu")!;
    const { device } = commands;
    const base = await loadFrozenModel(device, `${dir}/model`, { quantization: "int4" });
    const { model } = await trained(commands, base, `${dir}/a`);
    await storeAdapter(`${dir}/adapter`, model.adapter!, { config: model.config, source: model.folder });
    const weights = mergedWeights(device, model);
    await storeModel(`${dir}/merged`, { folder: model.folder, weights }, { dtype: "F32" });
    const [full, merged, adapter] = await Promise.all([
      readTensors(`${dir}/full/model.safetensors`),
      readTensors(`${dir}/merged/model.safetensors`),
      readTensors(`${dir}/adapter/adapter_model.safetensors`),
    ]);
    equal(merged.size, full.size);
    for (const [name, values] of full) {
      const module = name.replace(/\.weight$/, "");
      const b = adapter.get(`base_model.model.${module}.lora_B.weight`);
      const a = adapter.get(`base_model.model.${module}.lora_A.weight`);
      const rank = b ? 3 : 0;
      const columns = a ? a.length / rank : values.length;
      const expected = values.map((w, i) => {
        let sum = 0;
        for (let r = 0; r < rank; r++) sum += b![Math.floor(i / columns) * rank + r]! * a![r * columns + i % columns]!;
        return w + 2 * sum;
      });
      const most = Math.max(...merged.get(name)!.map((w, i) => Math.abs(w - expected[i]!)));
      equal(most < 1e-6, true, `${name}: ${most}`);
    }
    freeModel(model);
  }));

Deno.test("loadFrozenModel() names the tensor that cannot be quantized", () =>
  withFolder(async (dir) => {
    const name = "model.layers.1.mlp.down_proj.weight";
    await writeTinyModel(dir, { change: (tensor, values) => void (tensor === name && (values[5] = NaN)) });
    const live = device.bufferCount;
    await rejects(loadFrozenModel(device, dir, { quantization: "int8" }), {
      name: "UserError",
      message: `Cannot quantize "${name}" of ${dir} to int8: it holds a number that is not finite or too large, ` +
        "expected numbers whose scale float16 can hold",
    });
    equal(device.bufferCount, live);
  }));
