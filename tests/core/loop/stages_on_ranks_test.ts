/** Stages of a run on logical ranks. @module */
import { deepEqual, ok } from "node:assert/strict";
import { forIteration } from "../../../core/config/config.ts";
import { runReference } from "../../../core/loop/held_out_reference.ts";
import { runGenerate } from "../../../core/loop/single_stages.ts";
import { train } from "../../../core/loop/train_run.ts";
import { type RunHooks, withRun } from "../../../core/run/run_context.ts";
import type { ReferenceLogps } from "../../../core/train/reference_logps.ts";
import { pairIds } from "../_tiny.ts";
import { withCrew } from "../cluster/_crew.ts";
import { configOf as tinyConfig, withInput } from "./_runs.ts";
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

Deno.test("runReference() on two ranks shares the model that it loads, and gives what one process gives", () =>
  withInput(async (dir) => {
    const reference = async (output: string, hooks: RunHooks): Promise<ReferenceLogps> => {
      const config = await tinyConfig(dir, { output_dir: `${dir}/${output}`, autotune: false });
      const asked = { pairs: pairIds(5), settings: forIteration(config, 0), onDone: () => {} };
      return await withRun(config, { needs: [], hooks }, (context) => runReference(context, asked));
    };
    const alone = await reference("alone", {});
    await withCrew({ ranks: 2, isMet: true }, async ({ crew, tasks }) => {
      deepEqual(await reference("together", { crew }), alone);
      deepEqual(tasks, ["score"]);
    });
  }));

Deno.test("runGenerate() on two ranks counts the tokens of the answers that have come", () =>
  withInput(async (dir) => {
    const of = async (output: string, hooks: RunHooks): Promise<{ rows: string; counted: number[] }> => {
      const counted: number[] = [];
      const config = await tinyConfig(dir, { output_dir: `${dir}/${output}`, autotune: false });
      const path = await runGenerate(config, { ...hooks, onProgress: ({ tokens }) => counted.push(tokens ?? 0) });
      return { rows: await Deno.readTextFile(path), counted };
    };
    const { rows } = await of("alone", {});
    await withCrew({ ranks: 2, isMet: true }, async ({ crew, tasks }) => {
      const together = await of("together", { crew });
      deepEqual(tasks, ["generate"]);
      deepEqual(together.rows, rows);
      const sampled = rows.trimEnd().split("\n").map((line) => JSON.parse(line).generated_ids.length);
      deepEqual(together.counted.at(-1), sampled.reduce((sum, count) => sum + count, 0));
      ok(together.counted.slice(1).every((count) => count > 0), together.counted.join());
    });
  }));
