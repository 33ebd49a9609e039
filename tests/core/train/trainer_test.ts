import { deepEqual, equal, notDeepEqual } from "node:assert/strict";
import { loadModel, type Model } from "../../../core/model/model.ts";
import { ParameterBuffers } from "../../../core/model/parameter_buffers.ts";
import { planDecoder } from "../../../core/model/plan_decoder.ts";
import { pairLogps } from "../../../core/model/scorer.ts";
import { batchCapacity, packBatch, type StepBatch } from "../../../core/train/step_batches.ts";
import { Trainer, type TrainerOptions } from "../../../core/train/trainer.ts";
import { longestRow, pairRows, places } from "../../../core/train/training_rows.ts";
import type { Slice } from "../../../kernels/device/slice.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { commands, device } from "../../_shared/device.ts";
import { pairIds, settingsOf, withTinyModel } from "../_tiny.ts";

const ROWS = pairRows(pairIds(4));
const BATCH = packBatch(ROWS, places(ROWS), { size: 2 });

/** A trainer of `model` without noise, whose gradients are not clipped. */
async function trainerOf(model: Model, onGradients?: TrainerOptions["onGradients"]): Promise<Trainer> {
  const sums = await pairLogps(commands, model, { pairs: ROWS.pairs });
  return await Trainer.create(commands, {
    model,
    settings: await settingsOf({
      noise: "none",
      training: { learning_rate: 1e-3, max_grad_norm: 1e9, per_device_train_batch_size: 2, logging_steps: 1 },
    }),
    reference: {
      logps: {
        chosen: Float32Array.from(ROWS.pairs, (_, i) => sums[2 * i]!),
        rejected: Float32Array.from(ROWS.pairs, (_, i) => sums[2 * i + 1]!),
      },
    },
    capacity: batchCapacity(BATCH, device),
    maxPositions: longestRow(ROWS),
    ...(onGradients && { onGradients }),
  });
}

/** The same model, of which what `isTrained` names alone is trained. */
async function partlyTrained(model: Model, isTrained: (name: string) => boolean): Promise<Model> {
  const maxBindingBytes = device.limits.maxStorageBufferBindingSize;
  const layout = planDecoder(model.config, { maxBindingBytes, isTrained });
  const weights = new ParameterBuffers(device, { layout, label: "weights", part: "weights" });
  const read = await model.weights.download();
  for (const name of layout.places.keys()) weights.write(name, read(name).slice());
  return { ...model, weights };
}

async function gradNorm(trainer: Trainer): Promise<number> {
  return (await trainer.read()).metrics[0]!.grad_norm!;
}

Deno.test("what is frozen has no gradient, no moment and no state, and the rest is trained as ever", () =>
  withTinyModel(async ({ dir, model }) => {
    const isTrained = (name: string): boolean => /layers\.1\..*(q|k|v|down)_proj/.test(name);
    const part = await partlyTrained(model, isTrained);
    const all = await loadModel(device, `${dir}/model`);
    const [some, whole] = [await trainerOf(part), await trainerOf(all)];
    try {
      const before = await part.weights.download();
      for (const trainer of [some, whole]) await trainer.step(BATCH, { step: 0, factor: 1 });
      const [ofPart, ofAll] = [await part.weights.download(), await all.weights.download()];
      let trained = 0;
      for (const name of part.weights.layout.places.keys()) {
        deepEqual(ofPart(name), isTrained(name) ? ofAll(name) : before(name), name);
        if (isTrained(name)) {
          notDeepEqual(ofPart(name), before(name), name);
          trained += ofPart(name).byteLength;
        }
      }
      const bytes = Object.entries(some.stateBuffers).filter(([name]) => name !== "controls").map(([, { size }]) =>
        size
      );
      // Values, m and v; groups are padded to 256 bytes.
      equal(bytes.length, 3);
      for (const size of bytes) equal(size >= trained && size < trained + 2 * 256, true, `${size} of ${trained} bytes`);
    } finally {
      some.free();
      whole.free();
      part.weights.free();
      all.weights.free();
    }
  }));

Deno.test("two trainers that add up their gradients step as one that has both their rows", () =>
  withTinyModel(async ({ dir }) => {
    const models = [0, 1, 2].map(() => loadModel(device, `${dir}/model`));
    const [a, b, one] = await Promise.all(models) as [Model, Model, Model];
    const given: Float32Array[][] = [];
    let isComplete = (): void => {};
    const complete = new Promise<void>((resolve) => isComplete = resolve);
    const exchange = async ({ policy }: { policy?: readonly Slice[] }): Promise<void> => {
      given.push((await device.readAll(policy!)).map((bytes) => new Float32Array(bytes)));
      if (given.length === 2) isComplete();
      await complete;
      policy!.forEach((chunk, i) => device.write(chunk, given[0]![i]!.map((x, j) => x + given[1]![i]![j]!)));
    };
    const trainers = [await trainerOf(a, exchange), await trainerOf(b, exchange), await trainerOf(one)];
    try {
      // Means run over the whole step, wherever its rows are.
      const half = (i: number): StepBatch => ({ ...BATCH, microBatches: [BATCH.microBatches[i]!] });
      await Promise.all([half(0), half(1)].map((batch, i) => trainers[i]!.step(batch, { step: 0, factor: 1 })));
      await trainers[2]!.step(BATCH, { step: 0, factor: 1 });
      const [normA, normB, norm] = [
        await gradNorm(trainers[0]!),
        await gradNorm(trainers[1]!),
        await gradNorm(trainers[2]!),
      ];
      equal(normA, normB);
      assertClose(normA, norm, { rtol: 1e-6 });
      const [ofA, ofB, ofOne] = [await a.weights.download(), await b.weights.download(), await one.weights.download()];
      for (const name of one.weights.layout.places.keys()) {
        deepEqual(ofA(name), ofB(name), name);
        assertClose(ofA(name), ofOne(name), { rtol: 1e-5, atol: 1e-5, label: name });
      }
    } finally {
      for (const trainer of trainers) trainer.free();
      for (const model of [a, b, one]) model.weights.free();
    }
  }));
