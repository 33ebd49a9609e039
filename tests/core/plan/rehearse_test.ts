import { deepEqual, equal } from "node:assert/strict";
import { heldShards } from "../../../core/cluster/shards.ts";
import { openModelFolder } from "../../../core/checkpoint/model_folder.ts";
import { forIteration, loadConfig } from "../../../core/config/config.ts";
import type { PairIds } from "../../../core/model/pack.ts";
import { countMicroBatches, firstMicroBatches, heaviestBatch } from "../../../core/plan/heaviest_batch.ts";
import { Rehearsing } from "../../../core/plan/rehearse.ts";
import { orderSteps, stepBatch } from "../../../core/train/step_batches.ts";
import { pairRows } from "../../../core/train/training_rows.ts";
import { device } from "../../_shared/device.ts";
import { writeTinyModel } from "../../_shared/tiny_model.ts";
import { pairIds, settingsOf, withFolder } from "../_tiny.ts";

/** Twelve pairs: three steps an epoch, of two micro-batches of two pairs each. */
const PAIRS = Array.from({ length: 12 }, (_, example): PairIds => ({
  example,
  promptIds: [1, 2, 3],
  chosenIds: [4, 5],
  rejectedIds: [6, 7],
}));

Deno.test("Rehearsing counts no sums of the rejected answers' reference after the first epoch, as they are kept", () =>
  withFolder(async (dir) => {
    await writeTinyModel(`${dir}/model`);
    const folder = await openModelFolder(`${dir}/model`);
    const dispatches = async (noise: string, steps: number): Promise<number> => {
      const config = await loadConfig(undefined, {
        set: [
          `noise=${noise}`,
          `training.max_steps=${steps}`,
          "training.per_device_train_batch_size=2",
          "training.gradient_accumulation_steps=2",
        ],
      });
      const work = { rows: pairRows(PAIRS), settings: forIteration(config, 0), plan: null, goesOn: false };
      return (await new Rehearsing(device).optimize(folder, work)).dispatches;
    };
    for (const [noise, passes] of [["none", 0], ["{update: joint}", 1], ["{update: alternating}", 2]] as const) {
      const [two, three, six] = [await dispatches(noise, 2), await dispatches(noise, 3), await dispatches(noise, 6)];
      const perStep = three - two;
      equal(six - three, 3 * (perStep - 2 * passes), noise);
    }
  }));

Deno.test("heaviestBatch() is what the rank with the most tokens of a step trains on, and can be cut short", async () => {
  const rows = pairRows(pairIds(20));
  const training = { per_device_train_batch_size: 2, gradient_accumulation_steps: 5, max_steps: 3 };
  const order = orderSteps(rows, await settingsOf({ noise: "none", training }));
  const how = { order, size: 2, noise: false, shards: 4 };
  const parts = [0, 1].flatMap((step) =>
    [0, 1].map((rank) => stepBatch(rows, { ...how, step, held: heldShards(4, { rank, size: 2 }) }))
  );
  const tokens = parts.map(({ shards }) =>
    shards.flatMap(({ microBatches }) => microBatches).reduce((sum, { packed }) => sum + packed.ids.length, 0)
  );
  const { batch, places } = heaviestBatch(rows, { ...how, ranks: 2 });
  deepEqual(batch, parts[tokens.indexOf(Math.max(...tokens))]);
  const counts = (count: number): number[] =>
    firstMicroBatches(batch, count).shards.map(({ microBatches }) => microBatches.length);
  // A shard of two rows, and one of three.
  deepEqual([0, 1, 2, 3, 9].map(counts), [[0, 0], [1, 0], [1, 1], [1, 2], [1, 2]]);
  deepEqual([places.length, countMicroBatches(rows, places, { shards: 1, size: 2 })], [10, 5]);
});

Deno.test("Rehearsing records a step's shards, and their sums", () =>
  withFolder(async (dir) => {
    await writeTinyModel(`${dir}/model`);
    const folder = await openModelFolder(`${dir}/model`);
    const perStep = async (shards: number): Promise<{ dispatches: number; chunks: number }> => {
      const of = async (max_steps: number) => {
        const training = { per_device_train_batch_size: 2, gradient_accumulation_steps: 2, max_steps };
        const settings = await settingsOf({ noise: "none", training, distributed: { shards } });
        return await new Rehearsing(device).optimize(folder, {
          rows: pairRows(PAIRS),
          settings,
          plan: null,
          goesOn: false,
        });
      };
      const [two, three] = [await of(2), await of(3)];
      return { dispatches: three.dispatches - two.dispatches, chunks: three.trained!.policy.length };
    };
    const [whole, halves] = [await perStep(1), await perStep(2)];
    // Two micro-batches of two rows both times; then the sums of the gradients, and of the metrics.
    equal(halves.dispatches, whole.dispatches + halves.chunks + 1);
  }));
