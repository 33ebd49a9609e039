/**
 * Compares SFT, SPIN, its two extensions, DNPO, and DNPO with more noise, over six iterations and five seeds of data,
 * initial weights, training and sampling, and writes the tables into docs/results.md (`deno task reproduce`). Its runs lie
 * in runs/reproduce; when it was stopped, the same command goes on, and runs that are finished are only read.
 *
 * @module
 */
import { loadConfig, train } from "../../mod.ts";
import { writeInitialModel } from "./fine_tune.ts";
import { jsonLines } from "./make.ts";
import { METHODS, runMethods, STRONGER_NOISE } from "./methods.ts";
import { writeResults } from "./results_page.ts";
import { COMMITTED, makeTask } from "./task.ts";

const HERE = "examples/quickstart";
const RUNS = "runs/reproduce";

/** The committed checkpoint's seed, on which the settings were chosen, is not among them. */
const SEEDS = [1, 2, 3, 4, 5];

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

if (import.meta.main) {
  const methods = await runMethods({
    config: `${HERE}/config.yaml`,
    methods: [...METHODS, ...STRONGER_NOISE],
    seeds: SEEDS,
    // As in config.yaml, the last iteration has half the learning rate.
    set: ["iterations=6", "training.learning_rate=[1.5e-4,1.5e-4,1.5e-4,1.5e-4,1.5e-4,7.5e-5]"],
    dir: RUNS,
    prepare,
  });
  await writeResults("quick start", methods);
}
