import { deepEqual, equal } from "node:assert/strict";
import { openModelFolder } from "../../../core/checkpoint/model_folder.ts";
import { forIteration } from "../../../core/config/config.ts";
import { tokenizerOf } from "../../../core/data/tokenizer/tokenizer.ts";
import { readExamples } from "../../../core/loop/read_rows_of_step.ts";
import { train } from "../../../core/loop/train_run.ts";
import { withDevice } from "../../../core/run/run_context.ts";
import { configOf, withChat } from "./_runs.ts";

Deno.test("a run's rows are encoded in its first iteration, and not again with the model that it has saved", () =>
  withChat(async (dir) => {
    const config = await configOf(dir, { iterations: 1, training: { max_steps: 1 } });
    await train(config);
    await withDevice(config, { needs: [], hooks: {} }, async (context) => {
      const settings = forIteration(config, 0);
      const read = [];
      for (const model of [`${dir}/model`, `${dir}/run/iteration-0/model`]) {
        const tokenizer = await tokenizerOf(model, settings.data);
        read.push(await readExamples(context, { model: await openModelFolder(model), tokenizer, settings }));
        equal(context.encoder.encoded, 3);
      }
      deepEqual(read[1], read[0]);
    });
  }));
