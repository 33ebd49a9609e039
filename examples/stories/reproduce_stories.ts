/**
 * Compares the methods on stories that name three given words, told by a small real model, over three seeds of data,
 * training and sampling and ten iterations, and writes the tables into docs/results.md
 * (`deno task reproduce:stories MODEL`). MODEL is the folder of a model that tells stories, such as stories260K. The runs
 * lie in runs/reproduce-stories; the same command goes on after a stop.
 *
 * @module
 */
import { loadConfig, train } from "../../mod.ts";
import { jsonLines } from "../quickstart/make.ts";
import { METHODS, runMethods } from "../quickstart/methods.ts";
import { writeResults } from "../quickstart/results_page.ts";
import { makeStories } from "./story_words.ts";

const HERE = "examples/stories";
const RUNS = "runs/reproduce-stories";
const SIZES = { rows: 4000, heldOut: 200 };

/** The settings were chosen on seed 0. */
const SEEDS = [1, 2, 3];

/** Fine-tunes `model` on the human stories of `seed`, or finds it done; returns the settings that its methods share. */
async function prepare(model: string, seed: number): Promise<string[]> {
  const dir = `${RUNS}/seed-${seed}`;
  await Deno.mkdir(dir, { recursive: true });
  const { rows, heldOut } = makeStories(seed, SIZES);
  const data = [`data.train=${dir}/rows.jsonl`, `data.eval=${dir}/eval.jsonl`];
  await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(rows));
  await Deno.writeTextFile(`${dir}/eval.jsonl`, jsonLines(heldOut));
  const config = await loadConfig(`${HERE}/words_sft.yaml`, {
    set: [`model=${model}`, `output_dir=${dir}/sft`, `training.seed=${seed}`, ...data],
  });
  const { model: tuned } = await train(config);
  return [`model=${tuned}`, ...data];
}

if (import.meta.main) {
  const [model] = Deno.args;
  if (model === undefined) {
    console.error("usage: deno task reproduce:stories MODEL (the folder of a model that tells stories)");
    Deno.exit(2);
  }
  const methods = await runMethods({
    config: `${HERE}/words.yaml`,
    methods: METHODS,
    seeds: SEEDS,
    set: [],
    dir: RUNS,
    prepare: (seed) => prepare(model, seed),
  });
  await writeResults("stories", methods);
}
