/** Numbers that are not finite: the run stops at the step, or skips it and counts. @module */
import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { dnpo, withoutWarnings, writeConfig } from "../_shared/dnpo.ts";
import { jsonLines, tinyPairs, writeTinyModel } from "../_shared/tiny_model.ts";
import { readTensors } from "../_shared/trajectory.ts";
import { withTinyRun } from "./_tiny_run.ts";

Deno.test("a learning rate of 1e30 ends at the step after, with its rows, and the saved weights stay finite", () =>
  withTinyRun(async (dir, config) => {
    // The warm-up's first step has no rate: the second one, at half of it, ruins the weights, and the third one shows.
    const training = { learning_rate: 1e30, warmup_steps: 2, logging_steps: 1, save_steps: 1, shuffle: false };
    const args = ["optimize", await writeConfig(config("run", training)), "--quiet"];
    const { code, err } = await dnpo(args);
    match(
      withoutWarnings(err),
      /^error: Cannot go on with optimize of iteration 0: loss or gradient norm is NaN or Inf at step 3 \(rows 4, 5\)[^\n]*\n$/,
    );
    equal(code, 1);
    const state = await readTensors(`${dir}/run/state/step-2.safetensors`);
    for (const [name, values] of state) {
      if (name !== "controls") equal(values.every(Number.isFinite), true, name);
    }
    deepEqual((await Deno.readTextFile(`${dir}/run/metrics.jsonl`)).match(/"step":\d+/g), ['"step":1', '"step":2']);
  }));

Deno.test("a learning rate of 3e38 with one step hands out no weights that are not finite", () =>
  withTinyRun(async (dir, config) => {
    const training = { learning_rate: 3e38, max_steps: 1, lr_scheduler_type: "constant", weight_decay: 1 };
    const { code, err } = await dnpo(["optimize", await writeConfig(config("run", training)), "--quiet"]);
    match(
      withoutWarnings(err),
      /^error: Cannot save "model\.[\w.]+" as F32: it holds (NaN|-?Infinity), expected finite numbers\n$/,
    );
    equal(code, 1);
    await rejects(Deno.stat(`${dir}/run/model`), Deno.errors.NotFound);
  }));

Deno.test("training.on_nan=skip goes on over a NaN weight and counts the steps, but no such model is handed out", () =>
  withTinyRun(async (dir, config) => {
    // The embedding of id 36, which only the pairs of steps 2 and 3 hold.
    const poison = (name: string, values: Float32Array): void => {
      if (name.includes("embed_tokens")) values.fill(NaN, 36 * 16, 36 * 16 + 1);
    };
    await writeTinyModel(`${dir}/model`, { change: poison });
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(8, { marked: [2, 3, 5] })));
    const training = { max_steps: 4, shuffle: false, logging_steps: 1, on_nan: "skip" };
    const { code, err } = await dnpo(["optimize", await writeConfig(config("run", training))]);
    match(err, /^Warning: 2 of 4 steps were skipped for a NaN or Inf in loss or gradients$/m);
    match(err, /^error: Cannot save "model\.embed_tokens\.weight" as F32: it holds NaN, expected finite numbers$/m);
    equal(code, 1);
    deepEqual((await Deno.readTextFile(`${dir}/run/metrics.jsonl`)).match(/"step":\d+/g)?.length, 4);
  }));
