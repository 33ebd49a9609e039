/** `training.eval_steps`: held-out rows between the steps of a training, which is the same with and without. */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { loadConfig, type ResolvedConfig } from "../../../core/config/config.ts";
import { sha256 } from "../../../core/files/digest.ts";
import { runOptimize, runSft } from "../../../core/loop/single_stages.ts";
import { train } from "../../../core/loop/train_run.ts";
import type { ProgressEvent } from "../../../core/progress.ts";
import { isEvaluationLine, stepTag } from "../../../core/run/evaluation_line.ts";
import { jsonLines, tinyPairs } from "../../_shared/tiny_model.ts";
import { configOf, linesOf, withInput } from "./_runs.ts";

async function dpo(dir: string, keys: Parameters<typeof configOf>[1] = {}): Promise<ResolvedConfig> {
  await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(8)));
  return await configOf(dir, {
    method: "dpo",
    data: { train: `${dir}/pairs.jsonl`, eval: `${dir}/pairs.jsonl`, eval_limit: 5 },
    ...keys,
    training: { max_steps: 4, per_device_train_batch_size: 4, report_to: "tensorboard", ...keys.training },
  });
}

const filesOf = async (run: string): Promise<unknown[]> => [
  await Deno.readTextFile(`${run}/metrics.jsonl`),
  await sha256(await Deno.readFile(`${run}/model/model.safetensors`)),
  (await Deno.readTextFile(`${run}/tensorboard/iteration-0/events.out.tfevents.0.dnpo`)).match(/eval\/loss/g)?.length,
];

Deno.test("train() evaluates every eval_steps, and trains the same bytes as without", () =>
  withInput(async (dir) => {
    const bare = `${dir}/bare`;
    await train(await dpo(dir, { output_dir: bare }));
    const { iterations } = await train(await dpo(dir, { training: { eval_steps: 2 } }));
    deepEqual(
      await Deno.readFile(`${dir}/run/model/model.safetensors`),
      await Deno.readFile(`${bare}/model/model.safetensors`),
    );
    const { steps } = await linesOf(`${dir}/run`, 0);
    deepEqual(steps.filter((line) => !isEvaluationLine(line)), (await linesOf(bare, 0)).steps);
    const evals = steps.filter(isEvaluationLine);
    deepEqual(evals.map(({ step }) => step), [2, 4]);
    // In the first iteration its reference is the run's, and after its last step the model is the one that is evaluated.
    const after = iterations[1]!;
    const { iteration: _, step: __, epoch, ...values } = evals[1]!;
    deepEqual(values, {
      eval_loss: after.eval_loss,
      eval_preference_loss: after.eval_preference_loss,
      "eval_rewards/chosen": after.eval_rewards_chosen,
      "eval_rewards/rejected": after.eval_rewards_rejected,
      "eval_rewards/accuracies": after.eval_rewards_accuracies,
      "eval_rewards/margins": after.eval_rewards_margins,
      "eval_logps/chosen": after.eval_logps_chosen,
      "eval_logps/rejected": after.eval_logps_rejected,
    });
    equal(epoch, 2);
    equal(after.steps, 4);
    const report = await Deno.readTextFile(`${dir}/run/report.html`);
    match(report, /Held-out rows between the steps/);
    match(report, /Held-out pairs ranked right, between the steps/);
  }));

Deno.test("a training that is stopped in an evaluation, and after one, goes on to the same bytes", () =>
  withInput(async (dir) => {
    const keys = { pairs: `${dir}/pairs.jsonl`, noise: "none", training: { eval_steps: 2, save_steps: 2 } };
    const whole = await dpo(dir, keys);
    await runOptimize(whole);
    // Told after a step: of 1 the next one is the last, of 2 its evaluation is; at 3 it dies, and goes on from 2.
    for (const at of [1, 2, 3]) {
      const config = await dpo(dir, { ...keys, output_dir: `${dir}/at-${at}` });
      const controller = new AbortController();
      const onProgress = ({ stage, done }: ProgressEvent): void => {
        if (stage !== "optimize" || done !== at) return;
        if (at === 3) throw new Error("killed");
        controller.abort();
      };
      await rejects(
        runOptimize(config, { signal: controller.signal, onProgress }),
        at === 3 ? /killed/ : /stopped after step 2 of 4/,
      );
      const { last } = await runOptimize(config);
      ok(last.loss !== undefined && !("eval_loss" in last));
      deepEqual(await filesOf(config.output_dir), await filesOf(whole.output_dir));
      deepEqual(await runOptimize(config), { model: `${config.output_dir}/model`, last });
    }
  }));

Deno.test("sft evaluates the loss alone, rows that cannot be read are refused before, and eval_steps takes data.eval", () =>
  withInput(async (dir) => {
    const data = { train: `${dir}/rows.jsonl`, eval: `${dir}/rows.jsonl` };
    const config = await configOf(dir, { method: "sft", data, training: { eval_steps: 1 } });
    await runSft(config);
    const evals = (await linesOf(`${dir}/run`, 0)).steps.filter(isEvaluationLine);
    deepEqual(evals.map((line) => Object.keys(line)), Array(2).fill(["iteration", "step", "eval_loss", "epoch"]));
    await Deno.writeTextFile(`${dir}/bad.jsonl`, '{"prompt": 1}\n');
    const bad = await configOf(dir, {
      method: "sft",
      data: { ...data, eval: `${dir}/bad.jsonl` },
      output_dir: `${dir}/bad`,
      training: { eval_steps: 1 },
    });
    await rejects(runSft(bad), /^UserError: Cannot read \S+bad\.jsonl:1/);
    await rejects(Deno.stat(`${dir}/bad/kernels.json`), Deno.errors.NotFound);
    await rejects(
      loadConfig(undefined, { defaults: { training: { eval_steps: 5 } } }),
      /training\.eval_steps: is 5 without held-out rows, expected data\.eval set \(or null\)/,
    );
  }));

Deno.test("stepTag() names numbers as Hugging Face's Trainer does", () => {
  deepEqual(["loss", "eval_loss", "eval_rewards/margins", "rewards/margins"].map(stepTag), [
    "train/loss",
    "eval/loss",
    "eval/rewards/margins",
    "train/rewards/margins",
  ]);
});
