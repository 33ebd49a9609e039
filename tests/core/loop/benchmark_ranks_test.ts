/** A run's benchmarks on logical ranks. @module */
import { deepEqual, ok } from "node:assert/strict";
import { train } from "../../../core/loop/train_run.ts";
import { withCrew } from "../cluster/_crew.ts";
import { configOf, withTasks } from "./_word_tasks.ts";

Deno.test("train() on two ranks shares the models of its benchmarks, and finds what one process finds", () =>
  withTasks(async (dir) => {
    const tasks = [`${dir}/choose.yaml`, `${dir}/write.yaml`];
    const config = (output: string) =>
      configOf(dir, {
        output_dir: output,
        autotune: false,
        iterations: 1,
        distributed: { shards: 2 },
        evaluate: { tasks, limit: 4 },
        training: { max_steps: 1, gradient_accumulation_steps: 2, per_device_train_batch_size: 1 },
      });
    const read = (place: string): Promise<string> => Deno.readTextFile(`${dir}/${place}/benchmarks.json`);
    await train(await config(`${dir}/alone`));
    await withCrew({ ranks: 2, isMet: true }, async ({ crew, tasks }) => {
      await train(await config(`${dir}/together`), { crew });
      deepEqual(tasks.filter((task) => task === "choices" || task === "continue"), [
        "choices",
        "continue",
        "choices",
        "continue",
      ]);
    });
    for (const place of ["", "/iteration-0"]) {
      const alone = JSON.parse(await read(`alone${place}`));
      deepEqual(JSON.parse(await read(`together${place}`)), alone);
      ok("choose/acc" in alone.metrics);
    }
  }));
