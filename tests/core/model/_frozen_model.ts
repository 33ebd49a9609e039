/** Frozen models whose weights are stored otherwise, beside the float32 models of the same numbers. @module */
import { deepEqual, equal } from "node:assert/strict";
import { openModelFolder, saveModelFolder } from "../../../core/checkpoint/model_folder.ts";
import type { Quantization } from "../../../core/config/config_types.ts";
import type { Dtype } from "../../../core/dtype.ts";
import { LineLog } from "../../../core/files/json_lines.ts";
import { generate } from "../../../core/generate/generate.ts";
import { parameterShapes } from "../../../core/model/families/families.ts";
import { createAdapter } from "../../../core/model/lora_adapter.ts";
import { type AnyModel, freeModel, loadFrozenModel, loadModel } from "../../../core/model/model.ts";
import { parametersOf } from "../../../core/model/parameters.ts";
import { optimize } from "../../../core/train/optimize.ts";
import { pairRows } from "../../../core/train/training_rows.ts";
import type { Commands } from "../../../kernels/device/commands.ts";
import type { DeviceFamily } from "../../../kernels/device/tuning.ts";
import { families } from "../../_shared/families.ts";
import { storeMatrix } from "../../_shared/stored_matrix.ts";
import { writeTinyModel } from "../../_shared/tiny_model.ts";
import { readJsonLines } from "../../_shared/trajectory.ts";
import { pairIds, settingsOf, withFolder } from "../_tiny.ts";

/** Sizes that fill no group, no vec4 and no word. */
const RAGGED = { hidden_size: 15, head_dim: 4, num_attention_heads: 3, num_key_value_heads: 1, intermediate_size: 33 };
/** Sizes of models, by what their columns fill. */
export const SIZES: Readonly<Record<string, Record<string, unknown>>> = {
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
export async function writeBoth(
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
export async function trained(recorder: Commands, base: AnyModel, dir: string) {
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

/** How a frozen model is held. */
export type Held = Quantization | "BF16" | "F16";

/** Declares the test that a model held in this way, of sizes of {@linkcode SIZES}, is its float32 model. */
export function testFrozen(sizes: string, held: Held, family: DeviceFamily): void {
  const recorder = families.find((one) => one.family === family)!.commands;
  const isPlain = held === "BF16" || held === "F16";
  const config = SIZES[sizes]!;
  Deno.test(`a frozen ${held} model of ${sizes} is its float32 model, bit for bit (${family})`, () =>
    checkFrozen(recorder, isPlain ? { dtype: held, config } : { quantization: held, dtype: DTYPES[held], config }));
}

/** Trains adapters on both models and generates with them. Throws unless every number is the same. */
export async function checkFrozen(
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
