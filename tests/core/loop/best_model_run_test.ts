/** Runs that hand out their best iteration's model, or end early. */
import { deepEqual, equal, match, notDeepEqual, rejects } from "node:assert/strict";
import type { ResolvedConfig } from "../../../core/config/config.ts";
import type { RunSummary } from "../../../core/loop/run_summary.ts";
import { train } from "../../../core/loop/train_run.ts";
import { exists } from "../../../core/files/io.ts";
import { jsonLines, tinyRows } from "../../_shared/tiny_model.ts";
import { configOf, withInput } from "./_runs.ts";

type Keys = { training?: Record<string, unknown> } & Record<string, unknown>;

/** A config whose learning rate is so high that the loss on other rows is at its lowest after iteration 0. */
async function worsening(dir: string, { training, ...keys }: Keys = {}): Promise<ResolvedConfig> {
  await Deno.writeTextFile(`${dir}/held.jsonl`, jsonLines(tinyRows(16).slice(10)));
  return await configOf(dir, {
    method: "sft",
    iterations: 4,
    data: { train: `${dir}/rows.jsonl`, eval: `${dir}/held.jsonl` },
    ...keys,
    training: { loss_type: "sft", learning_rate: 0.2, max_steps: 4, ...training },
  });
}

async function notesOf(config: ResolvedConfig): Promise<{ notes: string; summary: RunSummary }> {
  const notes: string[] = [];
  const summary = await train(config, { onNote: (line) => notes.push(line) });
  return { notes: notes.join("\n"), summary };
}

const weightsOf = (path: string): Promise<Uint8Array> => Deno.readFile(`${path}/model.safetensors`);

/** The files of a run that tell what came out, without times. */
async function resultOf(run: string): Promise<unknown> {
  const summary = (await Deno.readTextFile(`${run}/summary.json`)).replaceAll(run, "RUN");
  return [summary, await weightsOf(`${run}/model`), await Deno.readTextFile(`${run}/metrics.jsonl`)];
}

Deno.test("train() hands out the best iteration's model, and another one where the keys change", () =>
  withInput(async (dir) => {
    const of = (training: Record<string, unknown>, keys: Keys = {}): Promise<ResolvedConfig> =>
      worsening(dir, { dtype: "float32", iterations: 2, ...keys, training });
    const made = (k: number): Promise<Uint8Array> => weightsOf(`${dir}/run/iteration-${k}/model`);
    const model = `${dir}/run/model`;
    const { summary: plain } = await notesOf(await of({}));
    equal("best" in plain, false);
    deepEqual(await weightsOf(model), await made(1));
    notDeepEqual(await made(0), await made(1));
    const text = await Deno.readTextFile(`${dir}/run/summary.json`);
    // A run that is finished hands out again, and trains nothing.
    const { summary } = await notesOf(await of({ load_best_model_at_end: true }));
    const [, first, last] = summary.iterations;
    equal(first!.eval_loss! < last!.eval_loss!, true);
    deepEqual(summary.best, { iteration: 0, metric: "eval_loss", value: first!.eval_loss });
    deepEqual(await weightsOf(model), await made(0));
    match((await notesOf(await of({ load_best_model_at_end: true }))).notes, /complete already/);
    const { summary: turned } = await notesOf(await of({ load_best_model_at_end: true, greater_is_better: true }));
    equal(turned.best!.iteration, 1);
    deepEqual(await weightsOf(model), await made(1));
    await notesOf(await of({}));
    equal(await Deno.readTextFile(`${dir}/run/summary.json`), text);
    deepEqual(await weightsOf(model), await made(1));
    // From the beginning it comes out the same.
    await train(await of({ load_best_model_at_end: true }, { output_dir: `${dir}/anew` }));
    deepEqual(await weightsOf(`${dir}/anew/model`), await made(0));
  }));

Deno.test("train() hands out the best iteration's adapter as lora.save says", () =>
  withInput(async (dir) => {
    const run = await worsening(dir, {
      iterations: 2,
      lora: { r: 2, save: "both" },
      // An adapter learns slowly enough to get better each time.
      training: { load_best_model_at_end: true, greater_is_better: true },
    });
    const { best } = await train(run);
    equal(best!.iteration, 0);
    const adapter = (path: string): Promise<Uint8Array> => Deno.readFile(`${path}/adapter_model.safetensors`);
    deepEqual(await adapter(`${dir}/run/adapter`), await adapter(`${dir}/run/iteration-0/adapter`));
    const whole = await worsening(dir, {
      iterations: 1,
      lora: { r: 2, save: "merged" },
      output_dir: `${dir}/one`,
    });
    await train(whole);
    deepEqual(await weightsOf(`${dir}/run/model`), await weightsOf(`${dir}/one/model`));
  }));

Deno.test("train() ends early where iterations get no better, and stays so", () =>
  withInput(async (dir) => {
    const of = (training: Record<string, unknown> = {}, keys: Keys = {}): Promise<ResolvedConfig> =>
      worsening(dir, { ...keys, training: { early_stopping_patience: 1, ...training } });
    const { summary, notes } = await notesOf(await of());
    deepEqual(summary.stopped_early, { iteration: 1, patience: 1 });
    equal(summary.iterations.length, 3);
    equal(await exists(`${dir}/run/iteration-2`), false);
    match(
      notes,
      /^The run ends after iteration 1 of 0 to 3: the last one was no better by held-out loss than the best before \(training\.early_stopping_patience\); the last model is handed out, the best one with training\.load_best_model_at_end$/m,
    );
    deepEqual(await weightsOf(`${dir}/run/model`), await weightsOf(`${dir}/run/iteration-1/model`));
    const result = await resultOf(`${dir}/run`);
    match((await notesOf(await of())).notes, /complete already/);
    match((await notesOf(await of({}, { iterations: 3 }))).notes, /complete already/);
    deepEqual(await resultOf(`${dir}/run`), result);
    // More patience goes on from there, and what is made then stays with less of it.
    const { summary: longer } = await notesOf(await of({ early_stopping_patience: 2 }));
    deepEqual(longer.stopped_early, { iteration: 2, patience: 2 });
    const { summary: kept } = await notesOf(await of());
    deepEqual(kept.stopped_early, { iteration: 2, patience: 1 });
  }));

Deno.test("train() that was stopped anywhere ends early and hands out the same", () =>
  withInput(async (dir) => {
    const of = (output_dir: string): Promise<ResolvedConfig> =>
      worsening(dir, { output_dir, training: { early_stopping_patience: 1, load_best_model_at_end: true } });
    const whole = await train(await of(`${dir}/whole`));
    equal(whole.best!.iteration, 0);
    equal(whole.stopped_early!.iteration, 1);
    let events = 0;
    await train(await of(`${dir}/counted`), { onProgress: () => events++ });
    for (const at of [0.5, 0.8, 1].map((share) => Math.max(1, Math.floor(share * events) - 1))) {
      const run = `${dir}/stopped-${at}`;
      const stop = new AbortController();
      let seen = 0;
      const onProgress = (): void => {
        if (++seen === at) stop.abort();
      };
      await train(await of(run), { signal: stop.signal, onProgress }).catch((error) =>
        equal(error.name, "StoppedError")
      );
      await train(await of(run));
      deepEqual(await resultOf(run), await resultOf(`${dir}/whole`), `stopped at ${at} of ${events}`);
    }
  }));

Deno.test("train() warns where the start was better than all iterations", () =>
  withInput(async (dir) => {
    const config = await worsening(dir, {
      iterations: 1,
      data: { train: `${dir}/rows.jsonl`, eval: `${dir}/rows.jsonl` },
      // On the rows that it is trained on the loss falls.
      training: { load_best_model_at_end: true, greater_is_better: true, learning_rate: 1e-2 },
    });
    const { notes, summary } = await notesOf(config);
    equal(summary.best!.iteration, 0);
    match(
      notes,
      /^Warning: the model at the start was better than those of all iterations, by held-out loss \d+\.\d+ against \d+\.\d+ of iteration 0, the best of them, which is handed out$/m,
    );
  }));

Deno.test("train() with other held-out rows hands out what is the best by them", () =>
  withInput(async (dir) => {
    const of = (held: string): Promise<ResolvedConfig> =>
      worsening(dir, {
        iterations: 2,
        data: { train: `${dir}/rows.jsonl`, eval: held },
        training: { load_best_model_at_end: true },
      });
    const { best } = await train(await of(`${dir}/rows.jsonl`));
    const { best: other } = await train(await of(`${dir}/held.jsonl`));
    notDeepEqual(other!.value, best!.value);
    await rejects(
      worsening(dir, { data: { train: `${dir}/rows.jsonl` }, training: { load_best_model_at_end: true } }),
      /training\.load_best_model_at_end: is true without held-out rows, expected data\.eval set \(or false\)$/,
    );
  }));
