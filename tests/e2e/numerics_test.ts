/** Numbers that are not finite: the run stops at the step, or skips it and counts. @module */
import { deepEqual, equal, match } from "node:assert/strict";
import { dnpo, writeConfig } from "../_shared/dnpo.ts";
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
      err,
      /^error: Cannot go on with optimize of iteration 0: loss or gradient norm is NaN or Inf at step 3 \(rows 4, 5\)[^\n]*\n$/,
    );
    equal(code, 1);
    const state = await readTensors(`${dir}/run/state/step-2.safetensors`);
    for (const [name, values] of state) {
      if (name !== "controls") equal(values.every(Number.isFinite), true, name);
    }
    deepEqual((await Deno.readTextFile(`${dir}/run/metrics.jsonl`)).match(/"step":\d+/g), ['"step":1', '"step":2']);
  }));

Deno.test("training.on_nan=skip goes on over a NaN weight, tells how many steps were skipped, and trains the rest", () =>
  withTinyRun(async (dir, config) => {
    // The embedding of id 36, which only the pairs of steps 2 and 3 hold.
    const poison = (name: string, values: Float32Array): void => {
      if (name.includes("embed_tokens")) values.fill(NaN, 36 * 16, 36 * 16 + 1);
    };
    await writeTinyModel(`${dir}/model`, { change: poison });
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(8, { marked: [2, 3, 5] })));
    const training = { max_steps: 4, shuffle: false, logging_steps: 1, on_nan: "skip" };
    const { code, err } = await dnpo(["optimize", await writeConfig(config("run", training))]);
    equal(code, 0, err);
    match(err, /^2 of 4 steps were skipped for a NaN or Inf in loss or gradients$/m);
    const finite = async (path: string): Promise<number[]> =>
      [...(await readTensors(path)).values()].map((values) => values.filter(Number.isFinite).length);
    deepEqual(await finite(`${dir}/run/model/model.safetensors`), await finite(`${dir}/model/model.safetensors`));
  }));
