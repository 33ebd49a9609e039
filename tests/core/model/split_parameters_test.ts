/** Tensors in several buffers: what is computed and saved has the same bytes as with one buffer for each. @module */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { folderDigests } from "../../../core/checkpoint/folder_identity.ts";
import type { GenerationConfig } from "../../../core/config/config_types.ts";
import { StoppedError } from "../../../core/error.ts";
import { LineLog } from "../../../core/files/json_lines.ts";
import type { Generated } from "../../../core/generate/batch_generator.ts";
import { generate } from "../../../core/generate/generate.ts";
import { createAdapter } from "../../../core/model/lora_adapter.ts";
import { freeModel, loadFrozenModel, loadModel, storeModel } from "../../../core/model/model.ts";
import { parametersOf } from "../../../core/model/parameters.ts";
import { Rehearsing } from "../../../core/plan/rehearse.ts";
import { optimize } from "../../../core/train/optimize.ts";
import { pairRows } from "../../../core/train/training_rows.ts";
import type { Commands } from "../../../kernels/device/commands.ts";
import { device, limited } from "../../_shared/device.ts";
import { writeTinyModel } from "../../_shared/tiny_model.ts";
import { pairIds, settingsOf, withFolder } from "../_tiny.ts";

/** Bytes of a binding: 256 rows of the model below, while its embedding has 600. */
const LIMIT = 64 * 1024;
const CONFIG = { hidden_size: 64, intermediate_size: 128, vocab_size: 600, num_hidden_layers: 1 };

/** Recorders of which one holds a tensor in buffers no larger than a binding, the other in one of any size. */
const split = (): Commands => limited({ maxStorageBufferBindingSize: LIMIT, maxBufferSize: LIMIT });
const whole = (): Commands => limited({ maxStorageBufferBindingSize: LIMIT });

/** The pairs, with ids from all parts of the vocabulary. */
function rows() {
  const spread = (ids: readonly number[]): number[] => ids.map((id) => id * 16 + 7);
  return pairRows(
    pairIds(6).map(({ promptIds, chosenIds, rejectedIds, ...pair }) => ({
      ...pair,
      promptIds: spread(promptIds),
      chosenIds: spread(chosenIds),
      rejectedIds: spread(rejectedIds),
    })),
  );
}

const ADAPTER = {
  r: 4,
  lora_alpha: 8,
  lora_dropout: 0,
  use_rslora: false,
  target_modules: "all-linear",
  rank_pattern: {},
  alpha_pattern: {},
};

/** What a stage is run on, and how. */
interface Stage {
  dir: string;
  /** The model's folder in `dir`. */
  model: string;
  /** Names the files that it leaves. */
  name: string;
  noise: unknown;
  /** Whether adapters are trained, and the weights stay as their files have them. */
  adapted?: boolean;
  /** Whether it is stopped once and goes on. */
  stops?: boolean;
}

/** What a stage leaves behind: its log, the trained weights, the noise generator. */
interface Left {
  log: string;
  trained: ArrayBuffer[] | Uint8Array;
  noise: Record<string, Float32Array>;
}

/** Runs a stage, and holds the plan of its memory to what it held. */
async function train(commands: Commands, { dir, name, noise, stops, ...of }: Stage): Promise<Left> {
  const { device } = commands;
  const path = `${dir}/${of.model}`;
  const settings = await settingsOf({
    noise,
    training: { per_device_train_batch_size: 2, learning_rate: 1e-3, max_steps: 4, max_grad_norm: 0.5 },
  });
  const run = async (signal?: AbortSignal) => {
    using held = new DisposableStack();
    const trained = of.adapted ? null : held.adopt(await loadModel(device, path), freeModel);
    const frozen = held.adopt(await loadFrozenModel(device, path, trained ? { part: "reference" } : {}), freeModel);
    const made = { settings: ADAPTER, base: null, init: "uniform", seed: 1, iteration: 0 } as const;
    const adapter = trained ? null : createAdapter(device, frozen.config, made);
    if (adapter) held.defer(() => adapter.values.free());
    const { folder } = frozen;
    const { noise, free } = await optimize({
      commands,
      model: trained ?? { ...frozen, adapter },
      scorer: trained ?? frozen,
      reference: parametersOf(frozen.weights),
      data: rows(),
      settings,
      files: await folderDigests(folder),
      referencePath: `${dir}/${name}-reference_logps.safetensors`,
      stateDir: `${dir}/${name}-state`,
      openLog: (step) => LineLog.open(`${dir}/${name}.jsonl`, (line) => Number(line.step) <= step),
      onProgress: () => {},
      ...(signal && { signal }),
    });
    held.defer(free);
    if (trained) await storeModel(`${dir}/${name}`, trained, { dtype: "F32" });
    const read = await noise!.download();
    return {
      folder,
      plan: adapter?.plan ?? null,
      trained: trained
        ? await Deno.readFile(`${dir}/${name}/model.safetensors`)
        : await device.readAll(adapter!.values.chunks),
      noise: Object.fromEntries([...noise!.layout.places.keys()].map((tensor) => [tensor, read(tensor)])),
    };
  };
  if (stops) await rejects(run(AbortSignal.abort()), StoppedError);
  const { folder, plan, ...left } = await run();
  commands.release();
  equal(device.bytes, 0);
  const planned = await new Rehearsing(device).optimize(folder, { rows: rows(), settings, plan, goesOn: false });
  equal(planned.bytes, device.peakBytes);
  return { log: await Deno.readTextFile(`${dir}/${name}.jsonl`), ...left };
}

/** In how many buffers the device of a recorder holds the embedding of the model in a folder. */
async function partsOf({ device }: Commands, folder: string): Promise<number[]> {
  const parts = [];
  for (const model of [await loadModel(device, folder), await loadFrozenModel(device, folder)]) {
    parts.push(model.weights.stored("model.embed_tokens.weight").data.parts?.length ?? 1);
    freeModel(model);
  }
  return parts;
}

for (const tied of [false, true]) {
  Deno.test(`training gives the same bytes where tensors lie in several buffers (${tied ? "" : "not "}tied)`, () =>
    withFolder(async (dir) => {
      await writeTinyModel(`${dir}/model`, { config: { ...CONFIG, tie_word_embeddings: tied } });
      deepEqual(await partsOf(whole(), `${dir}/model`), [1, 1]);
      deepEqual(await partsOf(split(), `${dir}/model`), [3, 3]);
      for (const noise of [{ update: "joint" }, { update: "alternating", rank: 6 }]) {
        const stage = { dir, model: "model", noise };
        const of = "rank" in noise ? "low" : "full";
        const expected = await train(whole(), { ...stage, name: `whole ${of}` });
        deepEqual(await train(split(), { ...stage, name: `split ${of}`, stops: true }), expected);
      }
    }));
}

Deno.test("adapters train to the same bytes where the base's tensors lie in several buffers, in 16 bits too", () =>
  withFolder(async (dir) => {
    await writeTinyModel(`${dir}/F32`, { config: CONFIG });
    const model = await loadModel(device, `${dir}/F32`);
    // 600 rows of 128 bytes are more than a buffer too.
    await storeModel(`${dir}/BF16`, model, { dtype: "BF16" });
    freeModel(model);
    deepEqual(await partsOf(split(), `${dir}/BF16`), [3, 2]);
    for (const dtype of ["F32", "BF16"]) {
      const stage = { dir, model: dtype, noise: { update: "joint" }, adapted: true };
      const expected = await train(whole(), { ...stage, name: `whole ${dtype}` });
      deepEqual(await train(split(), { ...stage, name: `split ${dtype}` }), expected);
    }
  }));

Deno.test("sampling gives the same tokens where tensors lie in several buffers", () =>
  withFolder(async (dir) => {
    await writeTinyModel(`${dir}/model`, { config: CONFIG });
    const sample = async (commands: Commands): Promise<Generated[]> => {
      const model = await loadFrozenModel(commands.device, `${dir}/model`);
      const prompts = rows().pairs.map(({ promptIds }, row) => ({ row, promptIds, maxNewTokens: 9 }));
      const settings: GenerationConfig = {
        temperature: 1,
        top_p: 1,
        top_k: 0,
        max_new_tokens: 9,
        batch_size: 4,
        seed: 3,
        kv_cache_dtype: "float32",
      };
      try {
        return await Array.fromAsync(generate(commands, model, { prompts, settings, iteration: 0, eosIds: [] }));
      } finally {
        freeModel(model);
      }
    };
    const expected = await sample(whole());
    deepEqual(await sample(split()), expected);
    equal(new Set(expected.flatMap(({ ids }) => ids.map((id) => Math.floor(id / 256)))).size, 3);
  }));
