/** Processes that are killed, whose files are changed or whose models are exchanged before they go on. @module */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { type Config, dnpo, runConfig, startDnpo, withFolder, withoutWarnings, writeConfig } from "../_shared/dnpo.ts";
import { writeRewardModel } from "../_shared/reward_model.ts";
import { jsonLines, tinyRows, writeTinyModel } from "../_shared/tiny_model.ts";
import { walk } from "./_files.ts";

/** A run of two iterations, whose second is long enough to be killed in. */
async function tinyInput(dir: string): Promise<(name: string) => Config> {
  await writeTinyModel(`${dir}/model`);
  await writeRewardModel(`${dir}/judge`, `${dir}/model`, { seed: 2 });
  await Deno.writeTextFile(`${dir}/rows.jsonl`, jsonLines(tinyRows(10)));
  return (name) => ({
    output_dir: `${dir}/${name}`,
    model: `${dir}/model`,
    iterations: 2,
    data: { train: `${dir}/rows.jsonl`, eval: `${dir}/rows.jsonl` },
    generation: { max_new_tokens: 6, batch_size: 4, seed: 5 },
    labels: { judge: "reward-model", model: `${dir}/judge` },
    training: { max_steps: 30, save_steps: 2, save_total_limit: 2, learning_rate: 1e-3 },
  });
}

/** Kills (SIGKILL) `dnpo ARGS` as soon as a file of its run's folder has the pattern. */
async function killAt(args: readonly string[], run: string, pattern: RegExp): Promise<void> {
  const child = startDnpo(args);
  const output = child.output();
  while (!(await walk(run)).some((path) => pattern.test(path))) await new Promise((done) => setTimeout(done, 2));
  child.kill("SIGKILL");
  const { signal, stderr } = await output;
  equal(signal, "SIGKILL", new TextDecoder().decode(stderr));
}

/** Runs `dnpo ARGS`, which is to end with exit code 1 and one line. */
async function refuses(args: readonly string[], expected: RegExp): Promise<void> {
  const { code, err } = await dnpo(args);
  equal(code, 1, err);
  match(withoutWarnings(err), /^error: [^\n]*\n$/);
  match(withoutWarnings(err), expected);
}

/** Changes a bit of the byte `at`, from the end if it is negative. Returns what puts the file back. */
async function flip(path: string, at: number): Promise<() => Promise<void>> {
  const bytes = await Deno.readFile(path);
  const changed = Uint8Array.from(bytes);
  changed[(at + bytes.length) % bytes.length]! ^= 1;
  await Deno.writeFile(path, changed);
  return () => Deno.writeFile(path, bytes);
}

/** The name of the newest file that the pattern finds, in the order of its number. */
async function newest(dir: string, pattern: RegExp): Promise<string> {
  const found = (await walk(dir)).filter((path) => pattern.test(path));
  const numberOf = (path: string): number => Number(pattern.exec(path)![1]);
  return found.sort((a, b) => numberOf(a) - numberOf(b)).at(-1)!;
}

Deno.test("a run that is killed refuses changed files and other models, and goes on to the same bytes", () =>
  withFolder(async (dir) => {
    const config = await tinyInput(dir);
    await runConfig("train", config("whole"));
    const run = `${dir}/run`;
    const args = ["train", await writeConfig(config("run")), "--quiet"];

    // In the second iteration's responses: the judge and the base model are exchanged, the model before it is damaged.
    await killAt(args, run, /iteration-1\/responses\.partial\.jsonl$/);
    for (const [name, as] of [["judge", "judge"], ["model", "model"]] as const) {
      await Deno.rename(`${dir}/${name}`, `${dir}/kept`);
      if (name === "judge") await writeRewardModel(`${dir}/judge`, `${dir}/model`, { seed: 3 });
      else await writeTinyModel(`${dir}/model`, { seed: 3 });
      await refuses(
        args,
        new RegExp(
          `^error: Cannot go on with the run in ${run}: ${dir}/${name} is not the ${as} that it began with: ` +
            `model\\.safetensors has SHA-256 \\w{16}…, expected \\w{16}…; put that ${as} back, or give another output_dir`,
        ),
      );
      await Deno.remove(`${dir}/${name}`, { recursive: true });
      await Deno.rename(`${dir}/kept`, `${dir}/${name}`);
    }

    // In the second iteration's steps.
    await killAt(args, run, /iteration-1\/state\/step-4\.safetensors$/);
    const state = await newest(`${run}/iteration-1/state`, /step-(\d+)\.safetensors$/);
    for (
      const [path, at, expected] of [
        [
          state,
          -100,
          /^error: Cannot resume from \S+\/step-\d+\.safetensors: its bytes have .*; delete the file to go on/,
        ],
        [
          `${run}/iteration-0/model/model.safetensors`,
          -1,
          /model\.safetensors has SHA-256 .*; delete \S+iteration-0\/model/,
        ],
        [
          `${run}/evaluation.json`,
          10,
          /^error: Cannot use \S+\/run\/evaluation\.json: .*; delete the file to evaluate again$/m,
        ],
        [
          `${run}/iteration-0/evaluation.json`,
          10,
          /iteration-0\/evaluation\.json: .*; delete the file to evaluate again$/m,
        ],
      ] as const
    ) {
      const restore = await flip(path, at);
      await refuses(args, expected);
      await restore();
    }

    // A kill between two states; what was asked for is deleted, and is made again.
    await Deno.remove(state);
    await Deno.remove(`${run}/evaluation.json`);
    await killAt(args, run, /iteration-1\/state\/step-1\d\.safetensors$/);
    await runConfig("train", config("run"));
    for (
      const name of ["metrics.jsonl", "evaluation.json", "iteration-1/pairs.jsonl", "model/model.safetensors"]
    ) {
      deepEqual(await Deno.readFile(`${run}/${name}`), await Deno.readFile(`${dir}/whole/${name}`), name);
    }

    // What was handed out.
    await flip(`${run}/model/model.safetensors`, -1);
    const score = ["score", "--quiet", "--model", run, "--pairs", `${run}/iteration-0/pairs.jsonl`];
    await refuses(
      score,
      /^error: Cannot use the model of the run in \S+\/run: .*; run its command again to write it anew/,
    );
  }));

Deno.test("responses and pairs that are edited after a kill are used, told of and recorded", () =>
  withFolder(async (dir) => {
    const config = await tinyInput(dir);
    const run = `${dir}/run`;
    const args = ["train", await writeConfig({ ...config("run"), iterations: 1 })];
    await killAt(args, run, /iteration-0\/responses\.jsonl$/);
    // It may have come further before it died.
    for (const name of ["pairs.jsonl", "state"]) {
      await Deno.remove(`${run}/iteration-0/${name}`, { recursive: true }).catch(() => {});
    }
    const edit = async (name: string, from: RegExp, to: string): Promise<void> => {
      const path = `${run}/iteration-0/${name}`;
      const text = await Deno.readTextFile(path);
      ok(from.test(text));
      await Deno.writeTextFile(path, text.replace(from, to));
    };
    await edit("responses.jsonl", /"generated_ids":\[\d+/, '"generated_ids":[9');
    await killAt(args, run, /iteration-0\/state\/step-2\.safetensors$/);
    await edit("pairs.jsonl", /"score_human":[^,}]+/, '"score_human":1e3');
    const { code, err } = await dnpo(args);
    equal(code, 0, err);
    match(
      err,
      /^\S+\/iteration-0\/pairs\.jsonl was changed since it was written \(.*\): the run goes on with it as it is,/m,
    );
    const edited = ["iteration-0/pairs.jsonl", "iteration-0/responses.jsonl"];
    deepEqual(JSON.parse(await Deno.readTextFile(`${run}/summary.json`)).edited, edited);
    const card = await dnpo(["push", run, "me/new", "--dry-run", "--quiet"]);
    match(card.out, /^\| edited by hand \| `iteration-0\/pairs\.jsonl`, `iteration-0\/responses\.jsonl` \|$/m);
  }));
