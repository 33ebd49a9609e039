import { deepEqual, equal, rejects } from "node:assert/strict";
import { openModelFolder, saveModelFolder } from "../../../core/checkpoint/model_folder.ts";
import type { Quantization } from "../../../core/config/config_types.ts";
import type { Dtype } from "../../../core/dtype.ts";
import { LineLog } from "../../../core/files/json_lines.ts";
import { generate } from "../../../core/generate/batch_generator.ts";
import { parameterShapes } from "../../../core/model/families/families.ts";
import { createAdapter, storeAdapter } from "../../../core/model/lora_adapter.ts";
import { mergedWeights } from "../../../core/model/merged_weights.ts";
import { type AnyModel, freeModel, loadFrozenModel, loadModel, storeModel } from "../../../core/model/model.ts";
import { parametersOf } from "../../../core/model/parameters.ts";
import { optimize } from "../../../core/train/optimize.ts";
import { pairRows } from "../../../core/train/training_rows.ts";
import type { Commands } from "../../../kernels/device/commands.ts";
import { commands, device } from "../../_shared/device.ts";
import { families } from "../../_shared/families.ts";
import { storeMatrix } from "../../_shared/stored_matrix.ts";
import { writeTinyModel } from "../../_shared/tiny_model.ts";
import { readJsonLines, readTensors } from "../../_shared/trajectory.ts";
import { pairIds, settingsOf, withFolder } from "../_tiny.ts";

/** Sizes that fill no group, no vec4 and no word. */
const RAGGED = { hidden_size: 15, head_dim: 4, num_attention_heads: 3, num_key_value_heads: 1, intermediate_size: 33 };
const SIZES: Readonly<Record<string, Record<string, unknown>>> = {
  "whole groups": { hidden_size: 64, num_attention_heads: 4, intermediate_size: 128 },
  "a word's half": {
    hidden_size: 38,
    head_dim: 6,
    num_attention_heads: 5,
    num_key_value_heads: 1,
    intermediate_size: 74,
  },
  "odd columns": RAGGED,
};

/** What the files have that are quantized. */
const DTYPES: Readonly<Record<Quantization, Dtype>> = { none: "F32", int8: "BF16", int4: "F16", nf4: "F32" };

/** Writes DIR/model with the dtype, and DIR/full: float32, with the numbers that the stored model stands for. */
async function writeBoth(
  dir: string,
  { dtype, quantization, config }: { dtype: Dtype; quantization: Quantization; config: Record<string, unknown> },
): Promise<void> {
  await writeTinyModel(`${dir}/source`, { config });
  const source = await openModelFolder(`${dir}/source`);
  await saveModelFolder(`${dir}/model`, { source, dtype, tensors: (name) => source.readTensor(name) });
  const model = await openModelFolder(`${dir}/model`);
  const shapes = new Map(parameterShapes(model.config).map(({ name, shape }) => [name, shape]));
  await saveModelFolder(`${dir}/full`, {
    source: model,
    dtype: "F32",
    async tensors(name) {
      const values = await model.readTensor(name);
      const [rows, columns] = shapes.get(name)!;
      if (quantization === "none" || !/layers.*proj\.weight$/.test(name)) return values;
      return storeMatrix(quantization, values, { rows: rows!, columns: columns! }).values;
    },
  });
}

/** Trains adapters with noise for three steps; returns what was logged, the adapter's bits and sampled ids. */
async function trained(recorder: Commands, base: AnyModel, dir: string) {
  const { device } = recorder;
  const settings = {
    ...{ r: 3, lora_alpha: 6, lora_dropout: 0, use_rslora: false, rank_pattern: {}, alpha_pattern: {} },
    target_modules: "all-linear",
  };
  const adapter = createAdapter(device, base.config, { settings, base: null, init: "uniform", seed: 1, iteration: 0 });
  const model = { ...base, adapter };
  const result = await optimize({
    commands: recorder,
    model,
    scorer: base,
    reference: parametersOf(base.weights),
    data: pairRows(pairIds(4)),
    settings: await settingsOf({
      noise: { update: "joint" },
      training: { per_device_train_batch_size: 4, learning_rate: 0.05, max_steps: 3 },
    }),
    files: {},
    referencePath: `${dir}/reference.safetensors`,
    stateDir: `${dir}/state`,
    openLog: () => LineLog.open(`${dir}/log.jsonl`, () => true),
    onProgress: () => {},
  });
  result.free();
  const ids: number[][] = [];
  const prompts = pairIds(3).map(({ promptIds }, row) => ({ row, promptIds, maxNewTokens: 6 }));
  const generation = { ...(await settingsOf()).generation, temperature: 1 };
  for await (const row of generate(recorder, model, { prompts, settings: generation, iteration: 0, eosIds: [2] })) {
    ids[row.index] = row.ids;
  }
  const lines = (await readJsonLines(`${dir}/log.jsonl`)).map(({ elapsed_seconds: _, ...line }) =>
    Object.fromEntries(Object.entries(line).filter(([name]) => !/second|time|tokens_per/.test(name)))
  );
  const bits = (await device.readAll(adapter.values.chunks)).map((bytes) => new Uint32Array(bytes));
  return { model, lines, bits, ids };
}

async function check(
  recorder: Commands,
  { quantization = "none", dtype, config }: {
    quantization?: Quantization;
    dtype: Dtype;
    config: Record<string, unknown>;
  },
): Promise<void> {
  await withFolder(async (dir) => {
    await writeBoth(dir, { dtype, quantization, config });
    await Deno.mkdir(`${dir}/a`);
    await Deno.mkdir(`${dir}/b`);
    const frozen = await loadFrozenModel(recorder.device, `${dir}/model`, { quantization });
    const full = await loadModel(recorder.device, `${dir}/full`);
    const one = await trained(recorder, frozen, `${dir}/a`);
    const two = await trained(recorder, full, `${dir}/b`);
    equal(one.lines.length, 3);
    deepEqual(one.lines, two.lines);
    deepEqual(one.bits, two.bits);
    deepEqual(one.ids, two.ids);
    freeModel(one.model);
    freeModel(two.model);
  });
}

/** What is held, and for which families: a CPU compiles the texts of odd sizes for many seconds, so that few have them. */
const CASES: readonly (readonly [
  sizes: keyof typeof SIZES,
  held: Quantization | "BF16" | "F16",
  families: "both" | "gpu",
])[] = [
  ["whole groups", "BF16", "both"],
  ["whole groups", "F16", "gpu"],
  ["whole groups", "int8", "both"],
  ["whole groups", "int4", "both"],
  ["whole groups", "nf4", "both"],
  ["a word's half", "BF16", "gpu"],
  ["a word's half", "int4", "gpu"],
  ["odd columns", "BF16", "both"],
  ["odd columns", "int8", "gpu"],
  ["odd columns", "nf4", "gpu"],
];

for (const { family, commands: recorder } of families) {
  for (const [sizes, held, of] of CASES) {
    if (of === "gpu" && family !== "gpu") continue;
    const isPlain = held === "BF16" || held === "F16";
    const config = SIZES[sizes]!;
    Deno.test(`a frozen ${held} model of ${sizes} is its float32 model, bit for bit (${family})`, () =>
      check(recorder, isPlain ? { dtype: held, config } : { quantization: held, dtype: DTYPES[held], config }));
  }
}

Deno.test("a frozen model with biases and tied embeddings is its float32 model", () =>
  check(commands, {
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
