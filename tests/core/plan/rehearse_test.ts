import { equal } from "node:assert/strict";
import { openModelFolder } from "../../../core/checkpoint/model_folder.ts";
import { forIteration, loadConfig } from "../../../core/config/config.ts";
import type { PairIds } from "../../../core/model/pack.ts";
import { Rehearsing } from "../../../core/plan/rehearse.ts";
import { pairRows } from "../../../core/train/training_rows.ts";
import { device } from "../../_shared/device.ts";
import { writeTinyModel } from "../../_shared/tiny_model.ts";
import { withFolder } from "../_tiny.ts";

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
