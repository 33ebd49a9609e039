/** Runs whose benchmarks, models or trackers change between two processes. @module */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { train } from "../../../core/loop/train_run.ts";
import { readEvents } from "../../_shared/event_file.ts";
import { configOf, MODEL, withTasks } from "./_word_tasks.ts";

/** Another model of the same shape, which sorts nothing. */
async function otherModel(dir: string): Promise<string> {
  const model = `${dir}/other`;
  await Deno.mkdir(model);
  for (const { name } of Deno.readDirSync(MODEL)) await Deno.copyFile(`${MODEL}/${name}`, `${model}/${name}`);
  const bytes = await Deno.readFile(`${model}/model.safetensors`);
  const header = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  bytes.fill(0, header);
  await Deno.writeFile(`${model}/model.safetensors`, bytes);
  return model;
}

Deno.test("train() asks the start again where only that was asked, and the config names another model now", () =>
  withTasks(async (dir) => {
    const stop = new AbortController();
    const first = train(await configOf(dir, { iterations: 1 }), {
      signal: stop.signal,
      onIteration: () => stop.abort(),
    });
    await rejects(first, /^StoppedError/);
    const other = await configOf(dir, { iterations: 1, model: await otherModel(dir) });
    await rejects(train(other), /Cannot go on with the run in .*: model is ".*other", expected ".*model" as in/);
  }));

/** The tags of the evaluations that were logged, by the number of iterations that a model was trained for. */
async function loggedIn(run: string): Promise<Record<number, string[]>> {
  const { events } = await readEvents(`${run}/tensorboard/events.out.tfevents.0.dnpo`);
  const tags = events.map(({ step, values }): [number, string[]] => [
    step,
    Object.keys(values).filter((tag) => /^eval\/(loss|choose\/acc)$/.test(tag)),
  ]).filter(([, own]) => own.length > 0);
  equal(new Set(tags.map(([step]) => step)).size, tags.length);
  const points = (await Deno.readTextFile(`${run}/tracking.jsonl`)).trim().split("\n").map((line) => JSON.parse(line))
    .filter(({ stage }) => stage === "evaluate");
  deepEqual(
    points.map((point) => [point.iteration + 1, ...["eval/loss", "eval/choose/acc"].filter((tag) => tag in point)]),
    tags.map(([step, own]) => [step, ...own]),
  );
  return Object.fromEntries(tags);
}

Deno.test("train() logs the numbers of all models where evaluate is new, goes, and comes back with data.eval gone", () =>
  withTasks(async (dir) => {
    const keys = { iterations: 1, training: { report_to: ["tensorboard", "mlflow"], max_steps: 1 } };
    const data = { train: `${dir}/rows.jsonl`, eval: `${dir}/rows.jsonl` };
    const { evaluate: _, ...without } = await configOf(dir, { ...keys, data });
    await train(without);
    deepEqual(await loggedIn(`${dir}/run`), { 0: ["eval/loss"], 1: ["eval/loss"] });
    const notes: string[] = [];
    await train(await configOf(dir, { ...keys, data }), { onNote: (line) => notes.push(line) });
    match(notes.join("\n"), /^evaluate is new: all models of the run are asked those benchmarks$/m);
    const both = ["eval/loss", "eval/choose/acc"];
    deepEqual(await loggedIn(`${dir}/run`), { 0: both, 1: both });
    await train({ ...without, iterations: 2 });
    deepEqual(await loggedIn(`${dir}/run`), { 0: both, 1: both, 2: ["eval/loss"] });
    await train(await configOf(dir, { ...keys, iterations: 2 }));
    deepEqual(await loggedIn(`${dir}/run`), { 0: both, 1: both, 2: both });
  }));

Deno.test("train() asks all models with the chat template of data, also those that have another or none", () =>
  withTasks(async (dir) => {
    const template = `${dir}/template.jinja`;
    await Deno.writeTextFile(template, `{% for m in messages %}say {{ m["content"] }}{% endfor %}`);
    const keys = {
      iterations: 1,
      model: await otherModel(dir),
      data: { train: `${dir}/rows.jsonl`, chat_template: template },
      evaluate: { apply_chat_template: true },
    };
    const promptsOf = async (run: string): Promise<unknown[]> => {
      const notes: string[] = [];
      await train(await configOf(dir, { ...keys, output_dir: run }), { onNote: (line) => notes.push(line) });
      ok(!notes.join("\n").includes("other rows"), notes.join("\n"));
      return await Promise.all(["", "/iteration-0"].map(async (place) => {
        const { task_hashes } = JSON.parse(await Deno.readTextFile(`${run}${place}/benchmarks.json`));
        const [results] = await Array.fromAsync(Deno.readDir(`${run}${place}/benchmarks`), ({ name }) => name)
          .then((names) => names.filter((name) => name.startsWith("results_")));
        const { chat_template } = JSON.parse(await Deno.readTextFile(`${run}${place}/benchmarks/${results}`));
        match(chat_template, /^{% for m in messages %}say /);
        return task_hashes;
      }));
    };
    const [start, after] = await promptsOf(`${dir}/without`);
    deepEqual(start, after);
    await Deno.writeTextFile(`${keys.model}/chat_template.jinja`, `{% for m in messages %}{% endfor %}`);
    deepEqual(await promptsOf(`${dir}/with`), [start, after]);
  }));

Deno.test("train() measures a model again that is trained again, on rows that were changed", () =>
  withTasks(async (dir) => {
    const config = await configOf(dir, {
      iterations: 1,
      data: { train: `${dir}/rows.jsonl`, eval: `${dir}/rows.jsonl` },
      training: { report_to: "tensorboard" },
    });
    const [, before] = (await train(config)).iterations;
    for (const model of ["model", "iteration-0/model"]) await Deno.remove(`${dir}/run/${model}`, { recursive: true });
    // Now as the model does it already.
    const rows = (await Deno.readTextFile(`${dir}/rows.jsonl`)).replaceAll(
      /"response":"(\w+)"/g,
      (_, letters: string) => `"response":"${[...letters].reverse().join("")}"`,
    );
    await Deno.writeTextFile(`${dir}/rows.jsonl`, rows);
    const { iterations } = await train(config);
    deepEqual([before!["choose/acc"], iterations[1]!["choose/acc"]], [0, 1]);
    const { events } = await readEvents(`${dir}/run/tensorboard/events.out.tfevents.0.dnpo`);
    const losses = events.flatMap(({ step, values }) => "eval/loss" in values ? [[step, values["eval/loss"]]] : []);
    deepEqual(losses, iterations.map(({ eval_loss }, i) => [i, Math.fround(eval_loss!)]));
  }));
