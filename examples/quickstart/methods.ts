/** The methods that the experiments compare, and their runs over seeds. @module */
import { type IterationSummary, sweep } from "../../mod.ts";
import type { MethodRuns } from "./results_table.ts";

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
