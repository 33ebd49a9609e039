import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { StoppedError } from "../../../core/error.ts";
import { type PairScore, scorePairs } from "../../../core/evaluate/score_pairs.ts";
import type { IterationSummary } from "../../../core/loop/run_summary.ts";
import { runSft } from "../../../core/loop/single_stages.ts";
import { train } from "../../../core/loop/train_run.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { jsonLines, tinyPairs } from "../../_shared/tiny_model.ts";
import { readJsonLines, readTensors } from "../../_shared/trajectory.ts";
import { configOf, linesOf, withInput } from "./_runs.ts";

const NOISE = { update: "joint", learning_rate: 1e-2 };

/** What a line of pairs.jsonl says of its labels. */
interface Labeled {
  chosen_from: string;
  score_human: number;
  score_generated: number;
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

Deno.test("the report of train() and of a stage alone shows a time for each stage, and none that is half done", () =>
  withInput(async (dir) => {
    const config = await configOf(dir, { iterations: 1 });
    await train(config);
    await runSft({ ...config, output_dir: `${dir}/sft` });
    for (const run of ["run", "sft"]) {
      const page = await Deno.readTextFile(`${dir}/${run}/report.html`);
      const times = [...page.matchAll(/<th scope="row">(generate|label|optimize)<\/th><td[^>]*>([^<]*)<\/td>/g)];
      deepEqual(times.map(([_, stage]) => stage), run === "sft" ? ["optimize"] : ["generate", "label", "optimize"]);
      for (const [_, stage, time] of times) match(time!, /^\d[\d.]* m?s$/, `${run} ${stage}`);
    }
  }));

Deno.test("train() takes learning_rate, beta, labels and noise of each iteration from their lists", () =>
  withInput(async (dir) => {
    const config = await configOf(dir, {
      iterations: 2,
      labels: [{ judge: "human" }, { judge: "logprob", model: `${dir}/judge` }],
      noise: ["none", NOISE],
      training: { learning_rate: [2e-3, 5e-4], beta: [0.1, 0.7] },
    });
    const told: IterationSummary[] = [];
    const { iterations, model } = await train(config, { onIteration: (summary) => told.push(summary) });
    const [first, second] = [await linesOf(`${dir}/run`, 0), await linesOf(`${dir}/run`, 1)];

    // Iteration 0 is SPIN: human labels, no noise.
    equal(first.stages.label!["labels/generated_chosen"], 0);
    equal(second.stages.label!["labels/generated_chosen"]! > 0, true);
    equal(first.steps.some((line) => "noise/loss" in line), false);
    equal(second.steps.every((line) => line["noise/variance"]! > 0), true);
    deepEqual([first, second].map(({ steps }) => steps.map((line) => line.learning_rate)), [[2e-3, 2e-3], [
      5e-4,
      5e-4,
    ]]);
    // All pairs are in each step: the reward is β times what the first step has changed.
    for (const [i, { steps: [before, after] }] of [first, second].entries()) {
      const change = after!["logps/chosen"]! - before!["logps/chosen"]!;
      equal(Math.abs(change) > 1e-3, true);
      assertClose(after!["rewards/chosen"]!, [0.1, 0.7][i]! * change, { atol: 2e-5 });
    }
    assertClose(first.steps[0]!.loss!, Math.LN2, { rtol: 1e-6 });

    // The pairs say whose answer was chosen, by the judge's scores.
    const pairs = await readJsonLines<Labeled>(`${dir}/run/iteration-1/pairs.jsonl`);
    for (const { score_human, score_generated, chosen_from } of pairs) {
      equal(chosen_from, score_generated > score_human ? "generated" : "human");
    }
    deepEqual(told.map(({ iteration }) => iteration), [-1, 0, 1]);
    deepEqual(told.at(-1), iterations.at(-1));
    deepEqual(JSON.parse(await Deno.readTextFile(`${dir}/run/summary.json`)), { iterations, model });
    assertClose(iterations[2]!.loss!, mean(second.steps.map(({ loss }) => loss!)), { rtol: 1e-12 });
    assertClose(iterations[2]!.noise_loss!, mean(second.steps.map((line) => line["noise/loss"]!)), { rtol: 1e-12 });
    equal(iterations[1]!.noise_loss, undefined);
    equal((await Deno.readTextFile(`${dir}/run/report.html`)).startsWith("<!doctype html>"), true);
    // The model that is handed out is the last iteration's.
    deepEqual(
      await readTensors(`${model}/model.safetensors`),
      await readTensors(`${dir}/run/iteration-1/model/model.safetensors`),
    );
  }));

/** Mean score of the chosen answers of files of pairs. */
async function chosen(model: string, files: string[]): Promise<number> {
  const scores: PairScore[] = [];
  for (const pairs of files) scores.push(...await scorePairs({ model, pairs }));
  return mean(scores.map((score) => score.chosen));
}

for (const start_from of ["previous", "base"]) {
  for (const mix_previous of [false, true]) {
    Deno.test(`train() with start_from ${start_from}${mix_previous ? " and mix_previous" : ""}`, () =>
      withInput(async (dir) => {
        const training = { max_steps: -1, num_train_epochs: 3, learning_rate: 5e-3 };
        const config = await configOf(dir, { iterations: 2, start_from, mix_previous, noise: NOISE, training });
        await train(config);
        const run = `${dir}/run`;
        const files = [`${run}/iteration-1/pairs.jsonl`, ...(mix_previous ? [`${run}/iteration-0/pairs.jsonl`] : [])];
        const [, { steps }] = [await linesOf(run, 0), await linesOf(run, 1)];
        // One step an epoch: the first step's numbers are those of the model it starts from, over all its pairs.
        equal(steps.length, 3);
        const [base, previous] = [await chosen(`${dir}/model`, files), await chosen(`${run}/iteration-0/model`, files)];
        equal(Math.abs(base - previous) > 0.01, true, `${base} ${previous}`);
        const expected = start_from === "base" ? base : previous;
        assertClose(steps[0]!["logps/chosen"]!, expected, { rtol: 1e-5 });
        equal(steps[0]!["rewards/margins"], 0, "the reference is the same model");
      }));
  }
}

Deno.test("train() that is stopped throws StoppedError, and the same again goes on to the same bytes", () =>
  withInput(async (dir) => {
    const keys = {
      iterations: 2,
      noise: NOISE,
      labels: { judge: "logprob", model: `${dir}/judge` },
      training: { max_steps: 3, per_device_train_batch_size: 4 },
    };
    await train(await configOf(dir, { ...keys, output_dir: `${dir}/whole` }));
    const config = await configOf(dir, keys);
    // One stop in each stage of the second iteration, and one in the first.
    for (const moment of ["generate 0", "optimize 0", "generate 1", "label 1", "optimize 1"]) {
      const stop = new AbortController();
      const [stage, iteration] = moment.split(" ");
      const hooks = {
        signal: stop.signal,
        onProgress: (event: { stage: string; iteration?: number; done: number }): void => {
          if (event.stage === stage && event.iteration === Number(iteration) && event.done > 0) stop.abort();
        },
      };
      await rejects(train(config, hooks), StoppedError, moment);
    }
    await train(config);
    for (const file of ["metrics.jsonl", "iteration-0/responses.jsonl", "iteration-1/pairs.jsonl"]) {
      equal(await Deno.readTextFile(`${dir}/run/${file}`), await Deno.readTextFile(`${dir}/whole/${file}`), file);
    }
    for (const folder of ["iteration-0/model", "iteration-1/model", "model"]) {
      const file = `${folder}/model.safetensors`;
      deepEqual(await Deno.readFile(`${dir}/run/${file}`), await Deno.readFile(`${dir}/whole/${file}`), file);
    }
    // A finished run changes nothing; more iterations go on; other settings are refused.
    const before = await Deno.readTextFile(`${dir}/run/metrics.jsonl`);
    await train(config);
    equal(await Deno.readTextFile(`${dir}/run/metrics.jsonl`), before);
    const other = await configOf(dir, { ...keys, generation: { max_new_tokens: 7, batch_size: 4, seed: 5 } });
    await rejects(
      train(other),
      /^UserError: Cannot go on with the run in .*: generation.max_new_tokens is 7, expected 6 as/,
    );
    const { iterations } = await train(await configOf(dir, { ...keys, iterations: 3 }));
    equal(iterations.length, 4);
    equal((await Deno.readTextFile(`${dir}/run/metrics.jsonl`)).startsWith(before), true);
  }));

Deno.test("train() of method dpo trains on pairs that the data has, without generating any", () =>
  withInput(async (dir) => {
    await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(tinyPairs(10)));
    await train(await configOf(dir, { method: "dpo", dtype: "bfloat16" }));
    const { stages, steps } = await linesOf(`${dir}/run`, 0);
    deepEqual(stages, {});
    assertClose(steps[0]!["logps/chosen"]!, await chosen(`${dir}/model`, [`${dir}/rows.jsonl`]), { rtol: 1e-5 });
    // The model that is handed out has the storage type that was asked for, the one to go on with float32.
    const size = async (folder: string): Promise<number> =>
      (await Deno.stat(`${dir}/run/${folder}/model.safetensors`)).size;
    equal(await size("model") < 0.7 * await size("iteration-0/model"), true);
  }));

Deno.test("train() of method sft trains on the human responses", () =>
  withInput(async (dir) => {
    const told: string[] = [];
    const data = { train: `${dir}/rows.jsonl`, eval: `${dir}/rows.jsonl` };
    const config = await configOf(dir, { method: "sft", iterations: 2, data, training: { learning_rate: 1e-2 } });
    const { iterations } = await train(config, { onProgress: ({ stage }) => told.push(stage) });
    deepEqual([...new Set(told)].sort(), ["evaluate", "optimize"]);
    const losses = iterations.map((summary) => summary.eval_loss!);
    equal(losses[1]! < losses[0]! && losses[2]! < losses[1]!, true, `${losses}`);
    // The first step's loss is that of the model on the same rows.
    assertClose((await linesOf(`${dir}/run`, 0)).steps[0]!.loss!, losses[0]!, { rtol: 1e-6 });
  }));
