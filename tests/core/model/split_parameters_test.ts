/** Tensors in several buffers: what is computed and saved has the same bytes as with one buffer for each. @module */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { folderDigests } from "../../../core/checkpoint/folder_identity.ts";
import { StoppedError } from "../../../core/error.ts";
import { LineLog } from "../../../core/files/json_lines.ts";
import { generate, type Generated } from "../../../core/generate/batch_generator.ts";
import { freeModel, loadModel, storeModel } from "../../../core/model/model.ts";
import { parametersOf } from "../../../core/model/parameters.ts";
import { Rehearsing } from "../../../core/plan/rehearse.ts";
import { optimize } from "../../../core/train/optimize.ts";
import { pairRows } from "../../../core/train/training_rows.ts";
import type { Commands } from "../../../kernels/device/commands.ts";
import { limited } from "../../_shared/device.ts";
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

/** Everything that a stage on the model in DIR/model leaves behind; with `stops`, it is stopped once and goes on. */
async function train(
  commands: Commands,
  { dir, name, noise, stops = false }: { dir: string; name: string; noise: unknown; stops?: boolean },
): Promise<{ log: string; model: Uint8Array; noise: Record<string, Float32Array>; chunks: number }> {
  const { device } = commands;
  const settings = await settingsOf({
    noise,
    training: { per_device_train_batch_size: 2, learning_rate: 1e-3, max_steps: 4, max_grad_norm: 0.5 },
  });
  const run = async (signal?: AbortSignal) => {
    const [model, reference] = [await loadModel(device, `${dir}/model`), await loadModel(device, `${dir}/model`)];
    try {
      const { noise, free } = await optimize({
        commands,
        model,
        reference: parametersOf(reference.weights),
        data: rows(),
        settings,
        files: await folderDigests(model.folder),
        referencePath: `${dir}/${name}-reference_logps.safetensors`,
        stateDir: `${dir}/${name}-state`,
        openLog: (step) => LineLog.open(`${dir}/${name}.jsonl`, (line) => Number(line.step) <= step),
        onProgress: () => {},
        ...(signal && { signal }),
      });
      await storeModel(`${dir}/${name}`, model, { dtype: "F32" });
      const read = await noise!.download();
      const values = Object.fromEntries([...noise!.layout.places.keys()].map((tensor) => [tensor, read(tensor)]));
      free();
      return { noise: values, chunks: model.weights.chunks.length, folder: model.folder };
    } finally {
      freeModel(model);
      freeModel(reference);
    }
  };
  if (stops) await rejects(run(AbortSignal.abort()), StoppedError);
  const done = await run();
  equal(device.bytes, 0);
  const { folder } = done;
  const planned = await new Rehearsing(device).optimize(folder, { rows: rows(), settings, plan: null, goesOn: false });
  equal(planned.bytes, device.peakBytes);
  const { noise: values, chunks } = done;
  return {
    noise: values,
    chunks,
    log: await Deno.readTextFile(`${dir}/${name}.jsonl`),
    model: await Deno.readFile(`${dir}/${name}/model.safetensors`),
  };
}

for (const tied of [false, true]) {
  Deno.test(`training gives the same bytes where tensors lie in several buffers (${tied ? "" : "not "}tied)`, () =>
    withFolder(async (dir) => {
      await writeTinyModel(`${dir}/model`, { config: { ...CONFIG, tie_word_embeddings: tied } });
      for (const noise of [{ update: "joint" }, { update: "alternating", rank: 6 }]) {
        const of = `${tied} ${"rank" in noise}`;
        const { chunks, ...expected } = await train(whole(), { dir, name: `whole ${of}`, noise });
        const { chunks: cut, ...got } = await train(split(), { dir, name: `split ${of}`, noise, stops: true });
        deepEqual(got, expected);
        // Three parts of the embedding, and of the LM head if it is one of its own.
        equal(cut - chunks, tied ? 2 : 4);
      }
    }));
}

Deno.test("sampling gives the same tokens where tensors lie in several buffers", () =>
  withFolder(async (dir) => {
    await writeTinyModel(`${dir}/model`, { config: CONFIG });
    const sample = async (commands: Commands): Promise<Generated[]> => {
      const model = await loadModel(commands.device, `${dir}/model`);
      const prompts = rows().pairs.map(({ promptIds }, row) => ({ row, promptIds, maxNewTokens: 9 }));
      const settings = { temperature: 1, top_p: 1, top_k: 0, max_new_tokens: 9, batch_size: 4, seed: 3 };
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
