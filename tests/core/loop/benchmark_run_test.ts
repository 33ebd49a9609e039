/** Runs that ask their models benchmarks: `evaluate` in a config. @module */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { loadConfig, type ResolvedConfig } from "../../../core/config/config.ts";
import { runEvaluation } from "../../../core/evaluate/run_evaluation.ts";
import { exists } from "../../../core/files/io.ts";
import type { BenchmarkRecord } from "../../../core/loop/kept_benchmarks.ts";
import { train } from "../../../core/loop/train_run.ts";
import { readEvents } from "../../_shared/event_file.ts";
import { configOf, type Keys, MODEL, rowsOf, withTasks, WORDS } from "./_word_tasks.ts";

async function recordOf(folder: string): Promise<BenchmarkRecord> {
  return JSON.parse(await Deno.readTextFile(`${folder}/benchmarks.json`));
}

async function notesOf(config: ResolvedConfig): Promise<string> {
  const notes: string[] = [];
  await train(config, { onNote: (line) => notes.push(line) });
  return notes.join("\n");
}

/** The one results file of a folder, without what differs between two times. */
async function resultsIn(dir: string): Promise<Record<string, unknown>> {
  const names = (await Array.fromAsync(Deno.readDir(dir), ({ name }) => name)).filter((name) => /^results_/.test(name));
  equal(names.length, 1, names.join());
  const { date: _, total_evaluation_time_seconds: __, model_name: ___, model_name_sanitized: ____, config, ...rest } =
    JSON
      .parse(
        await Deno.readTextFile(`${dir}/${names[0]}`),
      );
  return { ...rest, config: { ...config, model: "" } };
}

Deno.test("train() asks each of its models the benchmarks, and finds what `dnpo evaluate` finds", () =>
  withTasks(async (dir) => {
    const tasks = [`${dir}/choose.yaml`, `${dir}/write.yaml`];
    const { iterations } = await train(
      await configOf(dir, { evaluate: { tasks, limit: 6 }, training: { report_to: "tensorboard" } }),
    );
    deepEqual(iterations.map(({ iteration }) => iteration), [-1, 0, 1]);
    const found = await Promise.all(
      ["", "/iteration-0", "/iteration-1"].map((place) => recordOf(`${dir}/run${place}`)),
    );
    for (const [i, { metrics }] of found.entries()) {
      for (const name of ["choose/acc", "choose/acc_stderr", "write/exact_match"] as const) {
        equal(typeof metrics[name], "number", name);
        equal(iterations[i]![name], metrics[name], name);
      }
    }
    // Sorting the other way round is learned.
    ok(found[0]!.metrics["choose/acc"]! > found[2]!.metrics["choose/acc"]!);
    equal(found[0]!.higher_is_better["choose/acc"], true);
    equal("eval_loss" in iterations[0]!, false);
    const each = await runEvaluation(`${dir}/run`, {
      options: { tasks: "choose,write", limit: 6 },
      output: `${dir}/out`,
      taskFiles: tasks,
      iterations: "all",
    });
    for (const [k, { name, files }] of each.entries()) {
      const own = `${dir}/run/iteration-${k}/benchmarks`;
      deepEqual(await resultsIn(own), await resultsIn(files.results.replace(/\/[^/]+$/, "")), name);
    }
    const text = await Deno.readTextFile(`${dir}/run/report.html`);
    for (const shown of [/Benchmarks<\/h3>|Benchmarks<\/th>/, /choose, acc</, /write, exact_match</]) {
      match(text, shown);
    }
    const { events } = await readEvents(`${dir}/run/tensorboard/events.out.tfevents.0.dnpo`);
    const logged = events.flatMap(({ step, values }) =>
      Object.entries(values).flatMap(([tag, value]) => tag === "eval/choose/acc" ? [[step, value]] : [])
    );
    deepEqual(logged, found.map(({ metrics }, i) => [i, Math.fround(metrics["choose/acc"]!)]));
  }));

Deno.test("train() that was stopped among its benchmarks goes on with the next document, to the same bytes", () =>
  withTasks(async (dir) => {
    await train(await configOf(dir, { output_dir: `${dir}/whole` }));
    const stop = new AbortController();
    const seen: number[] = [];
    const config = await configOf(dir, { evaluate: { batch_tokens: 1 } });
    await rejects(
      train(config, {
        signal: stop.signal,
        onProgress: ({ stage, iteration, done, total }) => {
          if (stage !== "benchmark" || iteration !== 0) return;
          equal(total, WORDS.length);
          seen.push(done);
          if (done >= 3) stop.abort();
        },
      }),
      /^StoppedError/,
    );
    equal(await exists(`${dir}/run/iteration-0/benchmarks.json`), false);
    const begun: number[] = [];
    await train(config, {
      onProgress: ({ stage, iteration, done }) => stage === "benchmark" && iteration === 0 && begun.push(done),
    });
    ok(begun[0]! >= 3 && begun[0]! < WORDS.length, String(begun[0]));
    for (const place of ["", "/iteration-0", "/iteration-1"]) {
      const read = (run: string): Promise<string> => Deno.readTextFile(`${dir}/${run}${place}/benchmarks.json`);
      equal(await read("run"), await read("whole"), place);
    }
    const summary = async (run: string): Promise<string> =>
      (await Deno.readTextFile(`${dir}/${run}/summary.json`)).replaceAll(run, "RUN");
    equal(await summary("run"), await summary("whole"));
  }));

Deno.test("train() asks all of its models where other benchmarks are named, or rows have changed, and trains nothing", () =>
  withTasks(async (dir) => {
    await train(await configOf(dir));
    const metrics = await Deno.readTextFile(`${dir}/run/metrics.jsonl`);
    match(await notesOf(await configOf(dir)), /complete already/);
    const both = { evaluate: { tasks: `${dir}/choose.yaml,${dir}/write.yaml` } };
    match(await notesOf(await configOf(dir, both)), /evaluate has changed: all models of the run are asked/);
    const places = ["", "/iteration-0", "/iteration-1"];
    for (const place of places) ok("write/exact_match" in (await recordOf(`${dir}/run${place}`)).metrics, place);
    match(await notesOf(await configOf(dir, both)), /complete already/);
    // Rows that changed are found where a model is asked.
    await Deno.writeTextFile(`${dir}/words.jsonl`, rowsOf(WORDS.slice(2)));
    match(
      await notesOf(await configOf(dir, { ...both, iterations: 3 })),
      /the benchmarks have other rows than before: the models/,
    );
    const hashes = await Promise.all(
      [...places, "/iteration-2"].map(async (place) => (await recordOf(`${dir}/run${place}`)).task_hashes),
    );
    for (const each of hashes) deepEqual(each, hashes[3]);
    equal((await Deno.readTextFile(`${dir}/run/metrics.jsonl`)).startsWith(metrics), true);
    // Without the key, what was measured stays.
    const { evaluate: _, ...without } = await configOf(dir, { iterations: 3 });
    const { iterations } = await train(without);
    ok(iterations.every((each) => typeof each["write/exact_match"] === "number"));
    await rejects(
      Deno.writeTextFile(`${dir}/run/iteration-0/benchmarks.json`, "{}").then(() => train(without)),
      /Cannot use .*benchmarks\.json: it has SHA-256 .*, expected .* as it was written; delete the file to ask/,
    );
  }));

Deno.test("train() hands out the iteration that a benchmark says is the best", () =>
  withTasks(async (dir) => {
    const training = { load_best_model_at_end: true, metric_for_best_model: "choose/acc" };
    const { best, iterations } = await train(await configOf(dir, { training }));
    const values = iterations.slice(1).map((each) => each["choose/acc"]!);
    deepEqual(best, {
      iteration: values.indexOf(Math.max(...values)),
      metric: "choose/acc",
      value: Math.max(...values),
    });
    ok(await exists(`${dir}/run/iteration-1/benchmarks.json`));
    // Of a run that is complete, other numbers are as wrong as of a new one.
    await rejects(
      train(await configOf(dir, { training: { ...training, metric_for_best_model: "choose/f1" } })),
      /metric_for_best_model choose\/f1: the benchmarks of evaluate do not give it, expected choose\/acc/,
    );
  }));

Deno.test("train() refuses benchmarks that cannot be asked before it opens the device", () =>
  withTasks(async (dir) => {
    const refused = async (keys: Keys, message: RegExp): Promise<void> => {
      let isOpen = false;
      const config = await configOf(dir, { ...keys, output_dir: `${dir}/refused` });
      await rejects(train(config, { onDevice: () => void (isOpen = true) }), message);
      equal(isOpen, false, String(message));
    };
    const best = { load_best_model_at_end: true };
    await refused({ evaluate: { tasks: "arc_chalenge" } }, /Cannot find the task "arc_chalenge": .*arc_challenge/);
    await refused({ evaluate: { tasks: `${dir}/none.yaml` } }, /none\.yaml/);
    await refused({ evaluate: { tasks: " , " } }, /no task is named, expected evaluate\.tasks with one or more/);
    await refused(
      { evaluate: { tasks: "arc_easy", data: `${dir}/rows` } },
      /rows of allenai\/ai2_arc \(or no evaluate\.data, to take them from the hub\)/,
    );
    await refused(
      { evaluate: { apply_chat_template: true } },
      /apply_chat_template is true and the model has no chat template, expected data\.chat_template set, or false/,
    );
    await refused({ evaluate: { text: `${dir}/rows.jsonl` } }, /evaluate\.text is given, and evaluate\.tasks does not/);
    await refused(
      { training: { ...best, metric_for_best_model: "choose/acc_nrm" } },
      /metric_for_best_model choose\/acc_nrm: the benchmarks of evaluate do not give it, expected choose\/acc/,
    );
    const model = `${dir}/beams`;
    await Deno.mkdir(model);
    for (const { name } of Deno.readDirSync(MODEL)) await Deno.copyFile(`${MODEL}/${name}`, `${model}/${name}`);
    await Deno.writeTextFile(`${model}/generation_config.json`, JSON.stringify({ num_beams: 2 }));
    await refused(
      { model, evaluate: { tasks: `${dir}/write.yaml` } },
      /Cannot generate with "num_beams" of \S+beams\//,
    );
    await refused(
      { training: { ...best, metric_for_best_model: "openllm/average" } },
      /metric_for_best_model openllm\/average: the benchmarks of evaluate do not give it, expected choose\/acc/,
    );
    await Deno.writeTextFile(`${dir}/words.jsonl`, `{"letters": 1`);
    await refused({}, /words\.jsonl/);
    await rejects(
      configOf(dir, { training: best }),
      /load_best_model_at_end: is true by eval_loss without held-out rows, expected data\.eval set \(or metric_for_best/,
    );
    const without = { defaults: { model: MODEL, training: { ...best, metric_for_best_model: "rewards/acuracies" } } };
    await rejects(
      loadConfig(undefined, without),
      /metric_for_best_model: is rewards\/acuracies without benchmarks, expected evaluate\.tasks .*or rewards\/accuracies/,
    );
  }));
