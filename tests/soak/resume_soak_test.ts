/** A run that is killed at any moment, and started again, gives the bytes of one that was left alone. @module */
import { deepEqual, equal } from "node:assert/strict";
import { type Config, runConfig, withFolder, writeConfig } from "../_shared/dnpo.ts";
import { jsonLines, tinyPairs, tinyRows, writeTinyModel } from "../_shared/tiny_model.ts";
import { walk } from "../e2e/_files.ts";
import { killUntilEnd, randomNumbers } from "./_kills.ts";

const seed = Number(Deno.args[0] ?? Date.now() % 1e6);

/** The files that differ from run to run: times, the report that shows them, and what is known by the model's file times. */
const DIFFER = ["timings.jsonl", "log.jsonl", "report.html", ".lock", "checksums.json"];

const TRAINING = {
  learning_rate: 1e-2,
  per_device_train_batch_size: 2,
  gradient_accumulation_steps: 2,
  max_steps: 10,
  warmup_steps: 2,
  shuffle: true,
  seed: 5,
  logging_steps: 3,
  save_steps: 2,
};

interface Case {
  command: "train" | "optimize" | "generate" | "sft";
  what: string;
  /** Kills that are asked for. */
  kills: number;
  config: (dir: string) => Record<string, unknown>;
}

const CASES: Case[] = [
  {
    command: "train",
    what: "judged by a second model, with noise",
    kills: 100,
    config: (dir) => ({ mix_previous: true, labels: { judge: "logprob", model: `${dir}/judge` } }),
  },
  {
    command: "train",
    what: "judged by a module, with alternating noise, from the base",
    kills: 60,
    config: (dir) => ({
      training: { ...TRAINING, save_steps: 1, save_total_limit: 3 },
      labels: { judge: "verifier", verifier: `${dir}/verifier.ts` },
      noise: { update: "alternating", noise_steps: 2 },
      start_from: "base",
    }),
  },
  { command: "optimize", what: "alone", kills: 30, config: () => ({}) },
  {
    command: "sft",
    what: "alone",
    kills: 20,
    config: () => ({ method: "sft", training: { ...TRAINING, optim: "rmsprop" } }),
  },
  { command: "generate", what: "alone", kills: 30, config: () => ({}) },
];

for (const { command, what, kills: wanted, config } of CASES) {
  Deno.test(`${command} ${what}: killed ${wanted} times and started again, the same bytes`, () =>
    withFolder(async (dir) => {
      await writeInput(dir);
      const random = randomNumbers(seed);
      console.log(`seed ${seed}`);
      const of = (name: string): Config => ({
        model: `${dir}/model`,
        pairs: `${dir}/pairs.jsonl`,
        output_dir: `${dir}/${name}`,
        iterations: 2,
        data: { train: `${dir}/rows.jsonl`, ...(command === "train" && { eval: `${dir}/rows.jsonl` }) },
        generation: { max_new_tokens: 40, batch_size: 5, seed: 5 },
        training: TRAINING,
        ...config(dir),
      });
      const begin = performance.now();
      await runConfig(command, of("whole"));
      const milliseconds = performance.now() - begin;
      const expected = await results(`${dir}/whole`);
      equal(expected.size >= 2, true, "there are results");
      let killed = 0;
      for (let run = 0; killed < wanted; run++) {
        const folder = `${dir}/run-${run}`;
        const args = [command, await writeConfig(of(`run-${run}`)), "--quiet"];
        const kills = await killUntilEnd(args, { folder, random, milliseconds, most: 25 });
        kills.forEach((line, i) => console.log(`kill ${killed + i + 1} (run ${run}) ${line}`));
        killed += kills.length;
        const actual = await results(folder);
        deepEqual([...actual.keys()], [...expected.keys()]);
        for (const [name, bytes] of expected) deepEqual(actual.get(name), bytes, `${name} of run ${run}`);
      }
    }));
}

async function writeInput(dir: string): Promise<void> {
  await writeTinyModel(`${dir}/model`);
  await writeTinyModel(`${dir}/judge`, { seed: 2 });
  await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(tinyRows(12)));
  await Deno.writeTextFile(`${dir}/pairs.jsonl`, jsonLines(tinyPairs(12)));
  // Without a tokenizer there are no texts to judge: the verdict takes turns.
  await Deno.writeTextFile(`${dir}/verifier.ts`, "let calls = 0;\nexport default () => ++calls % 3;\n");
}

/** Every file that a run leaves behind, by its path there, but those that hold times. */
async function results(dir: string): Promise<Map<string, Uint8Array | string>> {
  const paths = (await walk(dir)).filter((path) => !DIFFER.some((name) => path.endsWith(`/${name}`)));
  const read = async (path: string): Promise<Uint8Array | string> =>
    // These name the run's folder.
    /(summary\.json|\.yaml)$/.test(path)
      ? (await Deno.readTextFile(path)).replaceAll(dir, "DIR")
      : await Deno.readFile(path);
  return new Map(await Promise.all(paths.map(async (path) => [path.slice(dir.length + 1), await read(path)] as const)));
}
