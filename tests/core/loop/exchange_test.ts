/** Models that are exchanged while a run is stopped: an error that names both, not a run of two models. @module */
import { deepEqual, equal, match, rejects } from "node:assert/strict";
import type { ResolvedConfig } from "../../../core/config/config.ts";
import { UserError } from "../../../core/error.ts";
import { runGenerate, runOptimize, runSft } from "../../../core/loop/single_stages.ts";
import { train } from "../../../core/loop/train_run.ts";
import type { RunHooks } from "../../../core/run/run_context.ts";
import { jsonLines, tinyPairs, writeTinyModel } from "../../_shared/tiny_model.ts";
import { configOf, withInput } from "./_runs.ts";

type Work = (config: ResolvedConfig, hooks: RunHooks) => Promise<unknown>;

/** Stops `work` at the first event of a stage in which `done` rows or steps are done. */
async function stop(
  work: Work,
  config: ResolvedConfig,
  at: { stage: string; iteration?: number; done: number },
): Promise<void> {
  const stopper = new AbortController();
  const onProgress: RunHooks["onProgress"] = (event) => {
    const { stage, iteration } = event as { stage: string; iteration?: number };
    if (stage === at.stage && iteration === at.iteration && event.done >= at.done) stopper.abort();
  };
  await rejects(work(config, { signal: stopper.signal, onProgress }), /^StoppedError/);
}

async function refuses(work: Work, config: ResolvedConfig, expected: RegExp): Promise<void> {
  await rejects(work(config, {}), (error: Error) => {
    equal(error instanceof UserError, true, error.stack);
    equal(error.message.includes("\n"), false);
    match(error.message, expected);
    return true;
  });
}

const TIME = new Date(Date.UTC(2026, 0, 1));

/** Writes a model whose files have the same sizes and times whatever the seed. */
async function writeModel(dir: string, seed: number): Promise<void> {
  await writeTinyModel(dir, { seed });
  for await (const { name } of Deno.readDir(dir)) await Deno.utime(`${dir}/${name}`, TIME, TIME);
}

const TRAINING = { max_steps: 4, save_steps: 1 };
const DIFFERS = String.raw`model\.safetensors has SHA-256 \S{16}…, expected \S{16}…; put that model back, or `;

Deno.test("train() refuses a base model exchanged while it generated, trained, or was done; the old one goes on", () =>
  withInput(async (dir) => {
    const model = `${dir}/base`;
    await writeModel(model, 1);
    const config = await configOf(dir, { model, iterations: 2, training: TRAINING, start_from: "base" });
    const refused = new RegExp(
      String.raw`^Cannot go on with the run in \S+/run: \S+/base is not the model that it began with: ${DIFFERS}` +
        "give another output_dir, or --force to begin anew in this one$",
    );
    for (
      const at of [
        { stage: "generate", iteration: 0, done: 1 },
        { stage: "optimize", iteration: 0, done: 2 },
        { stage: "generate", iteration: 1, done: 1 },
        { stage: "optimize", iteration: 1, done: 2 },
      ]
    ) {
      await stop(train, config, at);
      await writeModel(model, 2);
      await refuses(train, config, refused);
      await writeModel(model, 1);
    }
    await train(config);
    const weights = await Deno.readFile(`${dir}/run/model/model.safetensors`);
    await writeModel(model, 2);
    await refuses(train, config, refused);
    // A copy with other times is the same model; so is one elsewhere, which the config may not name by another path.
    await writeTinyModel(model, { seed: 1 });
    await train(config);
    deepEqual(await Deno.readFile(`${dir}/run/model/model.safetensors`), weights);
    // A chat template, a tokenizer, other settings of generation make it another one as well.
    await Deno.writeTextFile(`${model}/chat_template.jinja`, "{{ messages }}");
    await refuses(
      train,
      config,
      /\/base is not the model .*: chat_template\.jinja is there \(SHA-256 .*\), expected none;/,
    );
    await Deno.remove(`${model}/chat_template.jinja`);
    await Deno.remove(`${model}/generation_config.json`);
    await refuses(
      train,
      config,
      /generation_config\.json is missing, expected one with SHA-256 .*; put that model back/,
    );
  }));

Deno.test("train() refuses the model of the iteration before exchanged while it was stopped", () =>
  withInput(async (dir) => {
    const config = await configOf(dir, { iterations: 2, training: TRAINING });
    for (const at of [{ stage: "generate", iteration: 1, done: 1 }, { stage: "optimize", iteration: 1, done: 2 }]) {
      await stop(train, config, at);
      const model = `${dir}/run/iteration-0/model`;
      await Deno.rename(model, `${dir}/kept`);
      await writeTinyModel(model, { seed: 3 });
      await refuses(
        train,
        config,
        /^Cannot use a model of the run: \S+\/iteration-0\/model\/\S+ has SHA-256 .*delete /,
      );
      // Nor does it help to have it without its checksum.
      const path = `${dir}/run/checksums.json`;
      const record = await Deno.readTextFile(path);
      await Deno.writeTextFile(path, JSON.stringify({ ...JSON.parse(record), models: {} }));
      await refuses(
        train,
        config,
        /^Cannot go on with \S+ of iteration 1: \S+\/iteration-0\/model is not the model that it began with: .* has SHA-256 .*; put that model back, or delete /,
      );
      await Deno.writeTextFile(path, record);
      await Deno.remove(model, { recursive: true });
      await Deno.rename(`${dir}/kept`, model);
    }
    await train(config);
  }));

Deno.test("stages that run alone refuse an exchanged model where they go on, and take it where they begin", () =>
  withInput(async (dir) => {
    const model = `${dir}/base`;
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(10)));
    const keys = { model, training: TRAINING, pairs: `${dir}/pairs.jsonl` };
    const anew = "give another output_dir, or --force to begin anew in this one";
    const again = "delete \\S+/iteration-0 to generate again";
    type At = Parameters<typeof stop>[2];
    const cases: readonly (readonly [name: string, work: Work, at: At, what: string, advice: string])[] = [
      // So many rows that the first are written.
      ["generate", runGenerate, { stage: "generate", iteration: 0, done: 7 }, "generate of iteration 0", again],
      ["optimize", runOptimize, { stage: "optimize", done: 2 }, "optimize in \\S+/optimize", anew],
      ["sft", runSft, { stage: "optimize", done: 2 }, "sft in \\S+/sft", anew],
    ];
    for (const [name, work, at, what, advice] of cases) {
      const output_dir = `${dir}/${name}`;
      await writeModel(model, 1);
      const config = await configOf(dir, { ...keys, output_dir });
      await stop(work, config, at);
      await writeModel(model, 2);
      const refused = new RegExp(
        String.raw`^Cannot go on with ${what}: \S+/base is not the model that it began with: ${DIFFERS}${advice}$`,
      );
      await refuses(work, config, refused);
      await writeModel(model, 1);
      await work(config, {});
      // Nor does work that is done pass for that of another model; asked to, it begins anew.
      await writeModel(model, 2);
      await refuses(work, config, refused);
      await work(config, { force: true });
      await work(config, {});
    }
  }));
