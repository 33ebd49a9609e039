/**
 * Compares SPIN, its two extensions and DNPO over five seeds of data, initial weights, training and sampling, and writes
 * the table into README.md (`deno task reproduce`). Its runs lie in runs/reproduce; when it was stopped, the same command
 * goes on, and runs that are finished are only read.
 *
 * @module
 */
import { type IterationSummary, loadConfig, sweep, train } from "../../mod.ts";
import { writeInitialModel } from "./fine_tune.ts";
import { jsonLines } from "./make.ts";
import { type MethodRuns, replaceBetweenMarkers, resultsTable } from "./results_table.ts";
import { COMMITTED, makeTask } from "./task.ts";

const HERE = "examples/quickstart";
const README = `${HERE}/README.md`;
const RUNS = "runs/reproduce";

/** The committed checkpoint's seed, on which the settings were chosen, is not among them. */
const SEEDS = [1, 2, 3, 4, 5];

/** What each method changes in config.yaml. */
const METHODS = [
  { name: "SPIN", set: ["method=spin", "labels.judge=human"] },
  { name: "+DSL", set: ["noise=none"] },
  { name: "+NPO", set: ["labels.judge=human"] },
  { name: "DNPO", set: [] },
];

/** Fine-tunes on the data of `seed`, or finds it done; returns the settings that its methods share. */
async function prepare(seed: number): Promise<string[]> {
  const dir = `${RUNS}/seed-${seed}`;
  await Deno.mkdir(dir, { recursive: true });
  const { rows, heldOut } = makeTask(seed, COMMITTED.sizes);
  const data = [`data.train=${dir}/rows.jsonl`, `data.eval=${dir}/eval.jsonl`];
  await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(rows));
  await Deno.writeTextFile(`${dir}/eval.jsonl`, jsonLines(heldOut));
  await writeInitialModel(`${dir}/initial`, seed);
  const config = await loadConfig(`${HERE}/sft.yaml`, {
    set: [`model=${dir}/initial`, `output_dir=${dir}/sft`, `training.seed=${seed}`, ...data],
  });
  const { model } = await train(config);
  return [`model=${model}`, ...data];
}

async function reproduce(): Promise<void> {
  const started = performance.now();
  const say = (line: string): void =>
    console.log(`${((performance.now() - started) / 60_000).toFixed(1)} min  ${line}`);
  const runs = await sweep(`${HERE}/config.yaml`, {
    variants: METHODS,
    seeds: SEEDS,
    setOfSeed: (seed) => {
      say(`seed ${seed}: fine-tuning`);
      return prepare(seed!);
    },
    dir: RUNS,
  }, {
    onDone: ({ variant, seed, iterations }) =>
      say(`seed ${seed}: ${variant}: ${iterations.map(accuracies).join(", ")}`),
  });
  const failed = runs.find(({ problem }) => problem !== undefined);
  if (failed) throw new Error(`${failed.dir}: ${failed.problem}`);
  const methods = METHODS.map(({ name }) => ({
    name,
    runs: runs.filter(({ variant }) => variant === name).map(({ iterations }) => iterations),
  }));
  const text = replaceBetweenMarkers(await Deno.readTextFile(README), await describe(methods));
  await Deno.writeTextFile(README, text);
  say(`table written into ${README}`);
}

function accuracies({ greedy, sampled }: IterationSummary): string {
  return `${(100 * greedy!).toFixed(1)}/${(100 * sampled!).toFixed(1)}`;
}

/** The table, and under it when and where it was made. */
async function describe(methods: readonly MethodRuns[]): Promise<string> {
  const adapter = (await navigator.gpu.requestAdapter())?.info.description || "a GPU";
  const machine = `${navigator.hardwareConcurrency} CPU cores, WebGPU on ${adapter}`;
  return `${resultsTable(methods)}\n\nMade on ${new Date().toISOString().slice(0, 10)}; ${machine}.`;
}

if (import.meta.main) await reproduce();
