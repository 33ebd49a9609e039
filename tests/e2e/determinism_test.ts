/** The same command gives the same bytes: again, and after having been killed on the way. @module */
import { deepEqual, equal, notDeepEqual } from "node:assert/strict";
import { type Config, runConfig, startDnpo, withFolder, writeConfig } from "../_shared/dnpo.ts";
import { jsonLines, tinyRows, writeTinyModel } from "../_shared/tiny_model.ts";
import { walk } from "./_files.ts";

/** Written by every run, whatever its time; at the top and in each iteration. */
const SAME = [
  "metrics.jsonl",
  "responses.jsonl",
  "pairs.jsonl",
  "model.safetensors",
  "noise.safetensors",
  "summary.json",
];

Deno.test("train gives the same bytes again, and others with another seed", () =>
  withInput(async (dir) => {
    const run = async (name: string, seed = 5): Promise<Awaited<ReturnType<typeof results>>> => {
      const output_dir = `${dir}/${name}`;
      await runConfig("train", tinyConfig(dir, { output_dir, seed }));
      return await results(output_dir);
    };
    const first = await run("first");
    const names = [...first.keys()];
    for (const iteration of ["iteration-0", "iteration-1"]) {
      for (const file of ["responses.jsonl", "pairs.jsonl", "model/model.safetensors"]) {
        equal(names.includes(`${iteration}/${file}`), true, `${iteration}/${file} is among ${names}`);
      }
    }
    equal(names.includes("metrics.jsonl"), true);
    const second = await run("second");
    deepEqual([...second.keys()], names);
    for (const name of names) deepEqual(second.get(name), first.get(name), name);
    const other = await run("other", 6);
    notDeepEqual(other.get("iteration-0/responses.jsonl"), first.get("iteration-0/responses.jsonl"));
    notDeepEqual(other.get("metrics.jsonl"), first.get("metrics.jsonl"));
  }));

Deno.test("train that was killed goes on to the same bytes", () =>
  withInput(async (dir) => {
    const whole = tinyConfig(dir, { output_dir: `${dir}/whole`, seed: 5 });
    await runConfig("train", whole);
    const output_dir = `${dir}/killed`;
    const config = { ...whole, output_dir };
    const args = ["train", await writeConfig(config), "--quiet"];
    const inIteration = (n: number, pattern: RegExp) => async (): Promise<boolean> =>
      (await walk(`${output_dir}/iteration-${n}`)).some((path) => pattern.test(path));
    // After a stage, within the steps of both iterations, and between iterations.
    const moments = [
      inIteration(0, /responses\.jsonl/),
      inIteration(0, /state/),
      inIteration(0, /model\/model\.safetensors$/),
      inIteration(1, /pairs\.jsonl$/),
      inIteration(1, /state/),
    ];
    let killed = 0;
    for (const moment of moments) killed += await killAt(args, moment) ? 1 : 0;
    equal(killed >= 3, true, `only ${killed} runs were killed before their end`);
    await runConfig("train", config);
    const expected = await results(whole.output_dir);
    const actual = await results(output_dir);
    deepEqual([...actual.keys()], [...expected.keys()]);
    for (const [name, bytes] of expected) deepEqual(actual.get(name), bytes, name);
  }));

/** Starts a run and kills it as soon as `moment` says so; false where it ended before. */
async function killAt(args: readonly string[], moment: () => Promise<boolean>): Promise<boolean> {
  const child = startDnpo(args);
  let ended = false;
  const output = child.output().finally(() => ended = true);
  while (!ended && !await moment()) await new Promise((resolve) => setTimeout(resolve, 5));
  if (!ended) child.kill("SIGKILL");
  const { code, signal, stderr } = await output;
  if (signal === null) equal(code, 0, new TextDecoder().decode(stderr));
  return signal === "SIGKILL";
}

async function withInput(use: (dir: string) => Promise<void>): Promise<void> {
  await withFolder(async (dir) => {
    await writeTinyModel(`${dir}/model`);
    await writeTinyModel(`${dir}/judge`, { seed: 2 });
    await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(tinyRows(12)));
    await use(dir);
  });
}

function tinyConfig(dir: string, { output_dir, seed }: { output_dir: string; seed: number }): Config {
  return {
    model: `${dir}/model`,
    output_dir,
    iterations: 2,
    mix_previous: true,
    data: { train: `${dir}/rows.jsonl` },
    generation: { max_new_tokens: 6, batch_size: 5, seed },
    labels: { judge: "logprob", model: `${dir}/judge` },
    training: {
      learning_rate: 1e-2,
      per_device_train_batch_size: 2,
      gradient_accumulation_steps: 2,
      max_steps: 14,
      warmup_steps: 2,
      lr_scheduler_type: "cosine",
      shuffle: true,
      seed,
      logging_steps: 3,
      save_steps: 2,
    },
  };
}

/** What a run leaves behind, by path in its folder; without times and the state for resuming. */
async function results(dir: string): Promise<Map<string, Uint8Array | string>> {
  const paths = (await walk(dir)).filter((path) => SAME.some((name) => path.endsWith(`/${name}`)));
  const kept = paths.filter((path) => !path.includes("/state/"));
  const read = async (path: string): Promise<Uint8Array | string> =>
    // The summary names the folder, which differs here.
    path.endsWith("summary.json") ? (await Deno.readTextFile(path)).replaceAll(dir, "DIR") : await Deno.readFile(path);
  return new Map(await Promise.all(kept.map(async (path) => [path.slice(dir.length + 1), await read(path)] as const)));
}
