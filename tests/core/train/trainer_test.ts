import { deepEqual, equal, notDeepEqual } from "node:assert/strict";
import { loadModel, type Model } from "../../../core/model/model.ts";
import { ParameterBuffers } from "../../../core/model/parameter_buffers.ts";
import { planDecoder } from "../../../core/model/plan_decoder.ts";
import { pairLogps } from "../../../core/model/row_logps.ts";
import { batchCapacity, packBatch } from "../../../core/train/step_batches.ts";
import { Trainer } from "../../../core/train/trainer.ts";
import { longestRow, pairRows, places } from "../../../core/train/training_rows.ts";
import { commands, device } from "../../_shared/device.ts";
import { pairIds, settingsOf, withTinyModel } from "../_tiny.ts";

const ROWS = pairRows(pairIds(4));
const BATCH = packBatch(ROWS, places(ROWS), { size: 2 });

/** A trainer of `model` without noise, whose gradients are not clipped. */
async function trainerOf(model: Model): Promise<Trainer> {
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
