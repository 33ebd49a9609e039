/**
 * Compares the methods on stories that name three given words, told by a small real model, over three seeds of data,
 * training and sampling and ten iterations, and writes the tables into docs/results.md
 * (`deno task reproduce:stories MODEL`). MODEL is the folder of a model that tells stories, such as stories260K. The runs
 * lie in runs/reproduce-stories; the same command goes on after a stop.
 *
 * @module
 */
import { fineTuned, METHODS, runMethods } from "../quickstart/methods.ts";
import { writeResults } from "../quickstart/results_page.ts";
import { makeStories } from "./story_words.ts";

const HERE = "examples/stories";
const RUNS = "runs/reproduce-stories";
const SIZES = { rows: 4000, heldOut: 200 };

/** The settings were chosen on seed 0. */
const SEEDS = [1, 2, 3];

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
    prepare: (seed) => {
      const data = makeStories(seed, SIZES);
      return fineTuned({ config: `${HERE}/words_sft.yaml`, model, dir: `${RUNS}/seed-${seed}`, data, seed });
    },
  });
  await writeResults("stories", methods);
}
