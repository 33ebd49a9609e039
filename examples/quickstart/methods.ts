/** The methods that the experiments compare, and their runs over seeds. @module */
import { type IterationSummary, loadConfig, sweep, train } from "../../mod.ts";
import { jsonLines } from "./make.ts";
import type { MethodRuns } from "./results_table.ts";
import type { TaskData } from "./task.ts";

/** What each method changes in a config of method dnpo whose judge is a verifier. */
export const METHODS = [
  { name: "SFT", set: ["method=sft", "noise=none"] },
  { name: "SPIN", set: ["method=spin", "labels.judge=human"] },
  { name: "+DSL", set: ["noise=none"] },
  { name: "+NPO", set: ["labels.judge=human"] },
  { name: "DNPO", set: [] },
] as const;

/** The noise of METHODS ends at a variance of about 0.2; these at about 1.5 and 7. */
export const STRONGER_NOISE = [
  { name: "DNPO, more noise", set: ["noise.max_variance=10", "noise.learning_rate=3e-2"] },
  { name: "DNPO, most noise", set: ["noise.max_variance=10", "noise.learning_rate=1e-1", "noise.alpha=0"] },
] as const;

/** What is run. */
export interface Experiment {
  /** Path of the config. */
  config: string;
  methods: readonly { name: string; set: readonly string[] }[];
  seeds: readonly number[];
  /** Overrides that all runs share. */
  set: readonly string[];
  /** Folder of the runs. */
  dir: string;
  /** Makes what the runs of a seed begin with, or finds it done; returns the settings that they share. */
  prepare: (seed: number) => Promise<string[]>;
}

/**
 * Runs every method with every seed, or reads what is finished, and says a line after each. Throws an Error if one fails.
 */
export async function runMethods({ config, methods, seeds, set, dir, prepare }: Experiment): Promise<MethodRuns[]> {
  const started = performance.now();
  const say = (line: string): void =>
    console.log(`${((performance.now() - started) / 60_000).toFixed(1)} min  ${line}`);
  const runs = await sweep(config, {
    variants: methods,
    seeds,
    set,
    setOfSeed: (seed) => {
      say(`seed ${seed}: fine-tuning`);
      return prepare(seed!);
    },
    dir,
  }, {
    onDone: ({ variant, seed, iterations }) =>
      say(`seed ${seed}: ${variant}: ${iterations.map(accuracies).join(", ")}`),
  });
  const failed = runs.find(({ problem }) => problem !== undefined);
  if (failed) throw new Error(`${failed.dir}: ${failed.problem}`);
  return methods.map(({ name }) => ({
    name,
    runs: runs.filter(({ variant }) => variant === name).map(({ iterations }) => iterations),
  }));
}

function accuracies({ greedy, sampled }: IterationSummary): string {
  return `${(100 * greedy!).toFixed(1)}/${(100 * sampled!).toFixed(1)}`;
}

/** What the methods of a seed begin with. */
export interface FineTuning {
  /** Path of the config of method sft. */
  config: string;
  /** Folder of the model that is fine-tuned. */
  model: string;
  /** Folder of the rows and of the run. */
  dir: string;
  data: TaskData;
  seed: number;
}

/** Writes the rows and fine-tunes on them, or finds it done; returns the settings that the methods share. */
export async function fineTuned(
  { config: path, model, dir, data: { rows, heldOut }, seed }: FineTuning,
): Promise<string[]> {
  const data = [`data.train=${dir}/rows.jsonl`, `data.eval=${dir}/eval.jsonl`];
  await Deno.mkdir(dir, { recursive: true });
  await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(rows));
  await Deno.writeTextFile(`${dir}/eval.jsonl`, jsonLines(heldOut));
  const config = await loadConfig(path, {
    set: [`model=${model}`, `output_dir=${dir}/sft`, `training.seed=${seed}`, ...data],
  });
  const { model: tuned } = await train(config);
  return [`model=${tuned}`, ...data];
}
