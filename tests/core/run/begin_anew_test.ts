import { deepEqual, equal, rejects } from "node:assert/strict";
import type { ResolvedConfig } from "../../../core/config/config.ts";
import { runGenerate, runLabel, runOptimize, runSft } from "../../../core/loop/single_stages.ts";
import { train } from "../../../core/loop/train_run.ts";
import { removeRun, removeTraining } from "../../../core/run/begin_anew.ts";
import { lockFolder } from "../../../core/run/run_lock.ts";
import { walk } from "../../e2e/_files.ts";
import { configOf, withInput } from "../loop/_runs.ts";
import { withFolder } from "../_tiny.ts";

/** Files that a user keeps in a run's folder. */
const FOREIGN = [
  "notes.txt",
  "iteration-0/notes.txt",
  "judge_replies.jsonl",
  "state/notes.txt",
  "tensorboard/notes.txt",
];

async function writeFile(path: string, text = "mine"): Promise<void> {
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  await Deno.writeTextFile(path, text);
}

/** The files of a run that are the same in every run of the same settings. */
async function results(dir: string): Promise<Record<string, Uint8Array>> {
  const paths = (await walk(dir)).filter((path) =>
    /metrics\.jsonl|safetensors|responses\.jsonl|pairs\.jsonl/.test(path)
  );
  return Object.fromEntries(
    await Promise.all(paths.map(async (path) => [path.slice(dir.length), await Deno.readFile(path)])),
  );
}

Deno.test("train() with force begins anew as in an empty folder, and leaves what it did not write", () =>
  withInput(async (dir) => {
    const of = (keys: Record<string, unknown>): Promise<ResolvedConfig> =>
      configOf(dir, { training: { report_to: ["tensorboard", "wandb"] }, ...keys });
    const data = { train: `${dir}/rows.jsonl`, eval: `${dir}/rows.jsonl` };
    const noise = { update: "joint" };
    await train(await of({ iterations: 3, data, noise }));
    for (const name of FOREIGN) await writeFile(`${dir}/run/${name}`);
    await train(await of({ iterations: 1, noise: "none" }), { force: true });
    for (const name of FOREIGN) {
      equal(await Deno.readTextFile(`${dir}/run/${name}`), "mine", name);
      await Deno.remove(`${dir}/run/${name}`);
    }
    await Deno.remove(`${dir}/run/state`);
    await train(await of({ iterations: 1, noise: "none", output_dir: `${dir}/fresh` }));
    const runsAtWandb = async (run: string): Promise<number> =>
      (await Array.fromAsync(Deno.readDir(`${dir}/${run}/wandb`))).length;
    // The earlier run stays at W&B, as runs do.
    deepEqual([await runsAtWandb("run"), await runsAtWandb("fresh")], [2, 1]);
    for (const run of ["run", "fresh"]) await Deno.remove(`${dir}/${run}/wandb`, { recursive: true });
    const names = async (run: string): Promise<string[]> =>
      (await walk(`${dir}/${run}`)).map((path) => path.slice(dir.length + run.length + 1));
    deepEqual(await names("run"), await names("fresh"));
    deepEqual(await results(`${dir}/run`), await results(`${dir}/fresh`));
  }));

Deno.test("train() with force removes nothing where it cannot begin", () =>
  withInput(async (dir) => {
    await train(await configOf(dir));
    const path = `${dir}/run/model/notes.txt`;
    await writeFile(path);
    const before = await results(`${dir}/run`);
    const other = await configOf(dir, { training: { beta: 0.3 } });
    await rejects(
      train(other, { force: true }),
      /^UserError: Cannot begin anew in \S+\/run: \S+\/run\/model\/notes\.txt is no file of a model that this program saves; move it away or give another output_dir$/,
    );
    await Deno.remove(path);
    const missing = await configOf(dir, { data: { train: `${dir}/nothing.jsonl` } });
    await rejects(train(missing, { force: true }), /^UserError: Cannot read .*nothing\.jsonl: there is no such file/);
    const unjudged = await configOf(dir, { labels: { judge: "verifier", verifier: `${dir}/nothing.ts` } });
    await rejects(train(unjudged, { force: true }), /nothing\.ts/);
    {
      using _lock = await lockFolder(`${dir}/run`);
      await rejects(train(other, { force: true }), /^UserError: Cannot run in \S+\/run: process \d+ is running there;/);
    }
    deepEqual(await results(`${dir}/run`), before);
  }));

Deno.test("runSft() and runOptimize() with force replace a training stage, and leave the rows that it was given", () =>
  withInput(async (dir) => {
    const config = await configOf(dir, { pairs: `${dir}/run/iteration-0/pairs.jsonl` });
    await runGenerate(config);
    await runLabel(config);
    const rows = ["responses", "pairs"].map((name) => `${dir}/run/iteration-0/${name}.jsonl`);
    const texts = await Promise.all(rows.map((path) => Deno.readTextFile(path)));
    // Also where there is no training to begin anew.
    await runOptimize(config, { force: true });
    deepEqual(await Promise.all(rows.map((path) => Deno.readTextFile(path))), texts);
    const other = await configOf(dir, { pairs: config.pairs!, training: { beta: 0.3 } });
    await runOptimize(other, { force: true });
    deepEqual(await Promise.all(rows.map((path) => Deno.readTextFile(path))), texts);
    const fresh = `${dir}/fresh`;
    await runOptimize({ ...other, output_dir: fresh });
    deepEqual(
      await Deno.readFile(`${dir}/run/model/model.safetensors`),
      await Deno.readFile(`${fresh}/model/model.safetensors`),
    );
    const lines = (await Deno.readTextFile(`${dir}/run/metrics.jsonl`)).trimEnd().split("\n");
    equal(lines.slice(2).join("\n") + "\n", await Deno.readTextFile(`${fresh}/metrics.jsonl`));
    await runSft(config, { force: true });
    deepEqual(await Promise.all(rows.map((path) => Deno.readTextFile(path))), texts);
    await rejects(Deno.stat(`${dir}/run/noise.safetensors`), Deno.errors.NotFound);

    // The pairs of a run of train go with it.
    await train(await configOf(dir, { output_dir: `${dir}/whole` }));
    await rejects(
      runOptimize(await configOf(dir, { output_dir: `${dir}/whole`, pairs: `${dir}/whole/iteration-0/pairs.jsonl` }), {
        force: true,
      }),
      /^UserError: Cannot begin anew in \S+\/whole: \S+\/pairs\.jsonl, which is to be read, would be removed; give another output_dir$/,
    );
    equal((await Deno.stat(`${dir}/whole/iteration-0/pairs.jsonl`)).isFile, true);
    await runSft(await configOf(dir, { output_dir: `${dir}/whole` }), { force: true });
    await rejects(Deno.stat(`${dir}/whole/iteration-0`), Deno.errors.NotFound);
  }));

Deno.test("removeRun() leaves a folder that is no run's", () =>
  withFolder(async (dir) => {
    const files = ["config.yaml", "model/config.json", "report.html", "iteration-0/pairs.jsonl"];
    for (const name of files) await writeFile(`${dir}/${name}`);
    await removeRun(dir);
    for (const name of files) equal(await Deno.readTextFile(`${dir}/${name}`), "mine");
  }));

Deno.test("removeTraining() leaves the rows of generate and label where no training stage has begun", () =>
  withFolder(async (dir) => {
    const files = ["checksums.json", "sources.json", "metrics.jsonl", "timings.jsonl", "iteration-0/pairs.jsonl"];
    for (const name of files) await writeFile(`${dir}/${name}`);
    await removeTraining(dir);
    for (const name of files) equal(await Deno.readTextFile(`${dir}/${name}`), "mine");
  }));
