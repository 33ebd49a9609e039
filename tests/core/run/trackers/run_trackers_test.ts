import { deepEqual, equal, match } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { loadConfig, type LoadOptions } from "../../../../core/config/config.ts";
import type { ResolvedConfig } from "../../../../core/config/config_types.ts";
import { StoppedError } from "../../../../core/error.ts";
import { RunTrackers } from "../../../../core/run/trackers/run_trackers.ts";
import { fieldsOf } from "../../../_shared/proto_fields.ts";
import { startMlflowServer } from "../../../_shared/served_mlflow.ts";
import { itemsOf, readWandb, type WandbRecord } from "../../../_shared/wandb_file.ts";
import { withFolder } from "../../_tiny.ts";

type Curves = Record<string, [x: number, value: number][]>;

function configOf(dir: string, training: Record<string, unknown>): Promise<ResolvedConfig> {
  const defaults: LoadOptions["defaults"] = {
    model: "org/base",
    output_dir: `${dir}/my run`,
    data: { train: `${dir}/rows.jsonl` },
    training,
  };
  return loadConfig(undefined, { defaults });
}

/** Logs steps of iteration 0 from `from` to `to`, an evaluation before the first and one step of iteration 1 at 4. */
async function logSteps(trackers: RunTrackers, dir: string, { from, to }: { from: number; to: number }): Promise<void> {
  for (let step = from; step <= to; step++) {
    const [iteration, own] = step < 4 ? [0, step] : [1, step - 3];
    const line = JSON.stringify({ iteration, step: own, loss: 1 / step });
    await Deno.writeTextFile(`${dir}/my run/metrics.jsonl`, line + "\n", { append: true });
    if (own === 1 && iteration === 1) {
      await trackers.goOn(({ iteration: k, stage }) => Number(k) < 1 || stage !== undefined);
    }
    await trackers.add({ stage: "optimize", iteration, step: own, values: { "train/loss": 1 / step } });
  }
}

const EXPECTED: Curves = {
  "eval/loss": [[0, 2.5]],
  "train/loss": [[1, 1], [2, 1 / 2], [3, 1 / 3], [4, 1 / 4]],
};

/** A run that is stopped after step 3, whose steps from 2 on are computed again, and that then ends. */
async function stoppedAndResumed(dir: string, config: ResolvedConfig, notes: string[] = []): Promise<void> {
  await Deno.mkdir(`${dir}/my run`, { recursive: true });
  const note = (line: string): number => notes.push(line);
  const first = new RunTrackers(config, note);
  await first.follow(async () => {
    await first.add({ stage: "evaluate", iteration: -1, values: { "eval/loss": 2.5, "eval/margin": NaN } });
    await first.goOn(({ stage }) => stage === "evaluate");
    await logSteps(first, dir, { from: 1, to: 3 });
    throw new StoppedError("stopped");
  }).catch(() => {});
  const second = new RunTrackers(config, note);
  await second.follow(async () => {
    equal(await second.hasEvaluation(-1), true);
    equal(await second.hasEvaluation(0), false);
    await second.goOn(({ step }) => step === undefined || Number(step) <= 1);
    await logSteps(second, dir, { from: 2, to: 4 });
  });
}

async function onlyIn(folder: string): Promise<string> {
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  equal(names.length, 1, `${folder}: ${names}`);
  return `${folder}/${names[0]}`;
}

/** A run's file: its name, what it has of each kind, and its curves. */
async function readRun(
  folder: string,
): Promise<{ name: string; of: (field: number) => WandbRecord[]; curves: Curves }> {
  const path = await onlyIn(await onlyIn(folder));
  const records = readWandb(await Deno.readFile(path));
  deepEqual(records.map(({ num }) => num), records.map((_, i) => i + 1));
  const of = (field: number): WandbRecord[] => records.filter((record) => record.field === field);
  const curves: Curves = {};
  for (const [i, { fields }] of of(2).entries()) {
    const { _step, _timestamp, _runtime, iteration, "train/global_step": step, ...values } = itemsOf(fields);
    equal(_step, i);
    for (const [tag, value] of Object.entries(values)) {
      (curves[tag] ??= []).push([Number(step ?? iteration), Number(value)]);
    }
  }
  return { name: path.slice(folder.length + 1), of, curves };
}

async function curvesIn(metrics: string): Promise<Curves> {
  const curves: Curves = {};
  for (const tag of ["eval/loss", "train/loss"]) {
    const lines = (await Deno.readTextFile(`${metrics}/${tag}`)).trimEnd().split("\n");
    curves[tag] = lines.map((line) => {
      const [at, value, x] = line.split(" ").map(Number);
      equal(Math.abs(at! - Date.now()) < 600_000, true);
      return [x!, value!];
    });
  }
  return curves;
}

Deno.test("a run that was stopped and went on has each point once at wandb, mlflow and trackio", () =>
  withFolder(async (dir) => {
    const notes: string[] = [];
    await stoppedAndResumed(dir, await configOf(dir, { report_to: ["wandb", "mlflow", "trackio"] }), notes);
    deepEqual(notes, []);

    const { name, of, curves } = await readRun(`${dir}/my run/wandb`);
    match(name, /^offline-run-\d{8}_\d{6}-([0-9a-f]{8})\/run-\1\.wandb$/);
    deepEqual(curves, EXPECTED);
    const [[run], [summary], [exit]] = [of(17), of(3), of(18)];
    const textOf = (field: number): string[] =>
      run!.fields.filter(([number]) => number === field).map(([, value]) =>
        new TextDecoder().decode(value as Uint8Array)
      );
    deepEqual([textOf(3), textOf(8)], [["dnpo"], ["my run"]]);
    match(textOf(10).join(), /^dnpo,org\/base,dnpo \d+\.\d+\.\d+$/);
    const settings = itemsOf(itemsOfConfig(run!));
    deepEqual([settings.method, (settings.training as Record<string, unknown>).beta], ["dnpo", 0.1]);
    deepEqual(itemsOf(summary!.fields)["train/loss"], 1 / 4);
    // Its code is 0, and its seconds follow.
    deepEqual(exit!.fields[0], [1, 0n]);

    const experiments = `${dir}/my run/mlruns`;
    await Deno.remove(`${experiments}/0`, { recursive: true });
    const own = await onlyIn(experiments);
    match(await Deno.readTextFile(`${own}/meta.yaml`), /^experiment_id: "\d+"\n(.*\n)*name: dnpo$/m);
    const id = JSON.parse(await Deno.readTextFile(`${dir}/my run/tracking.json`)).id;
    match(await Deno.readTextFile(`${own}/${id}/meta.yaml`), /^run_name: my run\n(.*\n)*status: 3$/m);
    deepEqual(await curvesIn(`${own}/${id}/metrics`), EXPECTED);
    equal(await Deno.readTextFile(`${own}/${id}/params/training.beta`), "0.1");
    equal(await Deno.readTextFile(`${own}/${id}/tags/dnpo.base_model`), "org/base");

    using database = new DatabaseSync(`${dir}/my run/trackio/dnpo.db`);
    const rows = database.prepare("SELECT run_name, step, metrics FROM metrics ORDER BY id").all();
    const logged: Curves = {};
    for (const { run_name, step, metrics } of rows) {
      equal(run_name, "my run");
      for (const [tag, value] of Object.entries(JSON.parse(String(metrics)))) {
        (logged[tag] ??= []).push([Number(step), Number(value)]);
      }
    }
    deepEqual(logged, EXPECTED);
    const [{ config }, ...others] = database.prepare("SELECT config FROM configs").all() as [{ config: string }];
    deepEqual([JSON.parse(config).base_model, others], ["org/base", []]);
  }));

/** The fields of a run's config. */
function itemsOfConfig({ fields }: WandbRecord): WandbRecord["fields"] {
  return fieldsOf(fields.find(([field]) => field === 4)![1] as Uint8Array);
}

Deno.test("a tracking server gets a run that was stopped and went on once, with each point once", () =>
  withFolder(async (dir) => {
    await using server = startMlflowServer({ page: 2 });
    const notes: string[] = [];
    const config = await configOf(dir, { report_to: "mlflow", mlflow_tracking_uri: server.url, project: "p" });
    await stoppedAndResumed(dir, config, notes);
    deepEqual(notes, []);
    const [run, ...others] = server.runs;
    deepEqual(others, []);
    deepEqual(curvesOf(run!.metrics), EXPECTED);
    deepEqual([run!.info.run_name, run!.info.status, [...server.experiments.keys()]], ["my run", "FINISHED", ["p"]]);
    deepEqual([run!.params["training.beta"], run!.tags["dnpo.method"]], ["0.1", "dnpo"]);
  }));

function curvesOf(metrics: readonly { key: string; step: number; value: number }[]): Curves {
  const curves: Curves = {};
  for (const { key, step, value } of metrics) (curves[key] ??= []).push([step, value]);
  return curves;
}

Deno.test("a server that fails costs one note, and gets all that it missed once it is back", () =>
  withFolder(async (dir) => {
    let isDown = true;
    const trouble = (): Response | undefined => isDown ? new Response("down", { status: 503 }) : undefined;
    await using server = startMlflowServer({ trouble });
    const config = await configOf(dir, { report_to: "mlflow", mlflow_tracking_uri: server.url });
    const notes: string[] = [];
    await Deno.mkdir(`${dir}/my run`);
    const trackers = new RunTrackers(config, (line) => notes.push(line));
    await trackers.follow(async () => {
      await trackers.add({ stage: "evaluate", iteration: -1, values: { "eval/loss": 2.5 } });
      await trackers.goOn(() => true);
      await logSteps(trackers, dir, { from: 1, to: 3 });
      while (notes.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      isDown = false;
      await logSteps(trackers, dir, { from: 4, to: 4 });
    });
    equal(notes.length, 1);
    match(
      notes[0]!,
      /^Warning: Cannot log to mlflow: http:.*get-by-name answers 503: down; the run goes on without it, and /,
    );
    deepEqual(curvesOf(server.runs[0]!.metrics), EXPECTED);
  }));

Deno.test("a place that cannot be written costs one note, and the others go on", () =>
  withFolder(async (dir) => {
    const config = await configOf(dir, { report_to: "all", mlflow_tracking_uri: `${dir}/taken` });
    await Deno.writeTextFile(`${dir}/taken`, "");
    await Deno.mkdir(`${dir}/my run`);
    await Deno.writeTextFile(`${dir}/my run/trackio`, "");
    const notes: string[] = [];
    await stoppedAndResumed(dir, config, notes);
    deepEqual(notes.map((note) => note.split(": ", 2).join(": ")).sort(), [
      // Each start tells it once.
      "Warning: Cannot log to mlflow",
      "Warning: Cannot log to mlflow",
      "Warning: Cannot log to trackio",
      "Warning: Cannot log to trackio",
    ]);
    deepEqual((await readRun(`${dir}/my run/wandb`)).curves, EXPECTED);
    // Where the points themselves cannot be kept.
    await Deno.remove(`${dir}/my run/tracking.jsonl`);
    await Deno.mkdir(`${dir}/my run/tracking.jsonl`);
    const last: string[] = [];
    const trackers = new RunTrackers(config, (line) => last.push(line));
    await trackers.follow(() => logSteps(trackers, dir, { from: 1, to: 2 }));
    deepEqual(last.map((note) => note.split(": ", 2).join(": ")), ["Warning: Cannot log to trackers"]);
  }));

Deno.test("without report_to nothing is written", () =>
  withFolder(async (dir) => {
    const config = await configOf(dir, {});
    const trackers = new RunTrackers(config, () => {});
    await trackers.follow(async () => {
      await trackers.goOn(() => true);
      await trackers.add({ stage: "evaluate", iteration: -1, values: { "eval/loss": 2.5 } });
      await trackers.dropEvaluations();
    });
    deepEqual(await Array.fromAsync(Deno.readDir(dir)), []);
  }));
