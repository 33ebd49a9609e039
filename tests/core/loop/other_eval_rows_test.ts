/** Held-out rows that change while a run is stopped, and other keys that a run may go on with. @module */
import { deepEqual, equal, match, rejects } from "node:assert/strict";
import type { ResolvedConfig } from "../../../core/config/config.ts";
import { runGenerate, runOptimize, runSft } from "../../../core/loop/single_stages.ts";
import { train } from "../../../core/loop/train_run.ts";
import { jsonLines, tinyPairs, tinyRows } from "../../_shared/tiny_model.ts";
import { readEvents } from "../../_shared/event_file.ts";
import { configOf, withInput } from "./_runs.ts";

/** Runs `train` until the optimizer has done a step of iteration 1. */
async function stopInSecond(config: ResolvedConfig): Promise<void> {
  const stop = new AbortController();
  const onProgress = (event: { stage: string; iteration?: number; done: number }): void => {
    if (event.stage === "optimize" && event.iteration === 1 && event.done === 1) stop.abort();
  };
  await rejects(train(config, { signal: stop.signal, onProgress }), /^StoppedError/);
}

async function notesOf(config: ResolvedConfig): Promise<string> {
  const notes: string[] = [];
  await train(config, { onNote: (line) => notes.push(line) });
  return notes.join("\n");
}

const PLACES = ["", "/iteration-0", "/iteration-1"];

/** Checks that all evaluations of DIR/run are those of DIR/whole. */
async function equalEvaluations(dir: string, whole: string): Promise<void> {
  for (const place of PLACES) {
    const name = `${place}/evaluation.json`;
    equal(await Deno.readTextFile(`${dir}/run${name}`), await Deno.readTextFile(`${dir}/${whole}${name}`), name);
  }
  const events = async (run: string): Promise<unknown[]> => {
    const { events } = await readEvents(`${dir}/${run}/tensorboard/events.out.tfevents.0.dnpo`);
    return events.filter(({ values }) => "eval/loss" in values).map(({ step, values }) => [step, values]);
  };
  deepEqual(await events("run"), await events(whole));
}

Deno.test("train() that goes on with other held-out rows evaluates all of its models on them", () =>
  withInput(async (dir) => {
    await Deno.writeTextFile(`${dir}/other.jsonl`, jsonLines(tinyRows(16).slice(10)));
    const of = (held: Record<string, unknown>, keys: Record<string, unknown> = {}): Promise<ResolvedConfig> =>
      configOf(dir, {
        iterations: 2,
        data: { train: `${dir}/rows.jsonl`, ...held },
        training: { report_to: "tensorboard" },
        ...keys,
      });
    const [rows, other] = [{ eval: `${dir}/rows.jsonl` }, { eval: `${dir}/other.jsonl` }];
    await train(await of(other, { output_dir: `${dir}/whole` }));
    await stopInSecond(await of(rows));
    match(
      await notesOf(await of(other)),
      /data\.eval or data\.eval_limit has changed: all models of the run/,
    );
    await equalEvaluations(dir, "whole");
    // So does a run that is finished, and nothing is trained again.
    const metrics = await Deno.readTextFile(`${dir}/run/metrics.jsonl`);
    await train(await of({ ...other, eval_limit: 2 }, { output_dir: `${dir}/limited` }));
    match(await notesOf(await of({ ...other, eval_limit: 2 })), /data\.eval_limit has changed/);
    await equalEvaluations(dir, "limited");
    equal(await Deno.readTextFile(`${dir}/run/metrics.jsonl`), metrics);
    // Where none are named any more, what was measured stays.
    const summary = await Deno.readTextFile(`${dir}/run/summary.json`);
    match(await notesOf(await of({})), /complete already/);
    equal(await Deno.readTextFile(`${dir}/run/summary.json`), summary);
  }));

Deno.test("train() that finds other rows in the file of held-out ones evaluates the models before on them too", () =>
  withInput(async (dir) => {
    const held = `${dir}/held.jsonl`;
    await Deno.writeTextFile(held, jsonLines(tinyRows(16).slice(10)));
    const of = (output_dir: string): Promise<ResolvedConfig> =>
      configOf(dir, {
        iterations: 2,
        data: { train: `${dir}/rows.jsonl`, eval: held },
        training: { report_to: "tensorboard" },
        output_dir,
      });
    await stopInSecond(await of(`${dir}/run`));
    await Deno.writeTextFile(held, jsonLines(tinyRows(20).slice(15)));
    await train(await of(`${dir}/whole`));
    match(
      await notesOf(await of(`${dir}/run`)),
      /^data\.eval has other rows than before: the models that were evaluated/m,
    );
    await equalEvaluations(dir, "whole");
  }));

Deno.test("train() goes on with other keys of logging, saving and storage, to the same weights", () =>
  withInput(async (dir) => {
    const keys = { iterations: 2, training: { max_steps: 4 } };
    await train(await configOf(dir, { ...keys, dtype: "bfloat16", output_dir: `${dir}/whole` }));
    await stopInSecond(await configOf(dir, keys));
    const training = { max_steps: 4, logging_steps: 2, save_steps: 3, save_minutes: 0.5, report_to: "tensorboard" };
    await train(await configOf(dir, { ...keys, training, dtype: "bfloat16" }));
    deepEqual(
      await Deno.readFile(`${dir}/run/model/model.safetensors`),
      await Deno.readFile(`${dir}/whole/model/model.safetensors`),
    );
  }));

Deno.test("a folder in which nothing was computed blocks nothing", () =>
  withInput(async (dir) => {
    await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(6)));
    const of = (keys: Record<string, unknown> = {}): Promise<ResolvedConfig> =>
      configOf(dir, { pairs: `${dir}/pairs.jsonl`, ...keys });
    const other = { training: { beta: 0.3 }, generation: { max_new_tokens: 3, batch_size: 4, seed: 1 } };
    // Each dies once its records are there, and before its first result.
    const died = new Error("died");
    const onProgress = (): void => {
      throw died;
    };
    const works = [train, runGenerate, runSft, runOptimize] as unknown as (typeof train)[];
    for (const [i, first] of works.entries()) {
      // After itself, and after the work before it.
      for (const second of [first, works[(i + 1) % works.length]!]) {
        await rejects(first(await of(), { onProgress }), died);
        equal((await Deno.stat(`${dir}/run/kernels.json`)).isFile, true);
        await second(await of(other));
        await Deno.remove(`${dir}/run`, { recursive: true });
      }
    }
  }));
