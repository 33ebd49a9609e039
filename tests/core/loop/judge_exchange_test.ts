/** Models of judges that are exchanged while a run is stopped: an error that names both, not labels of two judges. @module */
import { deepEqual, equal, match, rejects } from "node:assert/strict";
import type { ResolvedConfig } from "../../../core/config/config.ts";
import { UserError } from "../../../core/error.ts";
import { runGenerate, runLabel } from "../../../core/loop/single_stages.ts";
import { train } from "../../../core/loop/train_run.ts";
import { writeRewardModel } from "../../_shared/reward_model.ts";
import { writeTinyModel } from "../../_shared/tiny_model.ts";
import { configOf, withInput } from "./_runs.ts";

const TRAINING = { max_steps: 2, save_steps: 1 };

/** Stops `train` at the first event of a stage of an iteration. */
async function stop(config: ResolvedConfig, at: { stage: string; iteration: number }): Promise<void> {
  const stopper = new AbortController();
  const onProgress = ({ stage, iteration }: { stage: string; iteration?: number }): void =>
    stage === at.stage && iteration === at.iteration ? stopper.abort() : undefined;
  await rejects(train(config, { signal: stopper.signal, onProgress }), /^StoppedError/);
}

async function refuses(config: ResolvedConfig, expected: RegExp): Promise<void> {
  await rejects(train(config), (error: Error) => {
    equal(error instanceof UserError, true, error.stack);
    equal(error.message.includes("\n"), false);
    match(error.message, expected);
    return true;
  });
}

for (const kind of ["logprob", "reward-model"] as const) {
  Deno.test(`train() refuses a judge ${kind} exchanged while labels are left to make; the old one goes on`, () =>
    withInput(async (dir) => {
      const judge = `${dir}/judge`;
      const write = async (seed: number): Promise<void> => {
        if (kind === "reward-model") await writeRewardModel(judge, `${dir}/model`, { seed });
        else await writeTinyModel(judge, { seed });
      };
      await write(1);
      const labels = { judge: kind, model: judge };
      const config = await configOf(dir, { iterations: 2, training: TRAINING, labels });
      const refused =
        /^Cannot go on with the run in \S+\/run: \S+\/judge is not the judge that it began with: model\.safetensors has SHA-256 \S{16}…, expected \S{16}…; put that judge back, or give another output_dir, or --force to begin anew in this one$/;
      const points = [{ stage: "label", iteration: 0 }, { stage: "optimize", iteration: 0 }, {
        stage: "generate",
        iteration: 1,
      }];
      for (const at of points) {
        await stop(config, at);
        await write(2);
        await refuses(config, refused);
        await write(1);
      }
      // Where no labels are left to make, the judge is not looked at.
      await stop(config, { stage: "optimize", iteration: 1 });
      await write(2);
      await train(config);
      await write(1);
      await train(await configOf(dir, { iterations: 2, training: TRAINING, labels, output_dir: `${dir}/whole` }));
      for (const name of ["iteration-1/pairs.jsonl", "model/model.safetensors"]) {
        deepEqual(await Deno.readFile(`${dir}/run/${name}`), await Deno.readFile(`${dir}/whole/${name}`), name);
      }
    }));
}

Deno.test("train() refuses a judge exchanged while it runs", () =>
  withInput(async (dir) => {
    const config = await configOf(dir, {
      iterations: 1,
      training: TRAINING,
      labels: {
        judge: "ensemble",
        judges: [{ judge: "logprob", model: `${dir}/judge` }, { judge: "logprob", model: `${dir}/model` }],
      },
    });
    let written: Promise<void> | undefined;
    const onProgress = ({ stage, done }: { stage: string; done: number }): void => {
      if (stage === "generate" && done > 0) written ??= writeTinyModel(`${dir}/judge`, { seed: 5 });
    };
    await rejects(
      train(config, { onProgress }),
      /\/judge is not the judge that it began with: model\.safetensors has /,
    );
    await written;
  }));

Deno.test("label alone takes another judge, as it labels all answers anew", () =>
  withInput(async (dir) => {
    const config = await configOf(dir, { labels: { judge: "logprob", model: `${dir}/judge` } });
    await runGenerate(config);
    await runLabel(config);
    await writeTinyModel(`${dir}/judge`, { seed: 6 });
    await runLabel(config);
  }));
