import assert from "node:assert/strict";
import { StoppedError } from "../../../core/error.ts";
import { runSft } from "../../../core/loop/single_stages.ts";
import { train } from "../../../core/loop/train_run.ts";
import { EventFile } from "../../../core/run/event_file.ts";
import { readEvents } from "../../_shared/event_file.ts";
import { itemsOf, readWandb } from "../../_shared/wandb_file.ts";
import { readJsonLines } from "../../_shared/trajectory.ts";
import { configOf, withInput } from "../loop/_runs.ts";

const FILE = "events.out.tfevents.0.dnpo";

Deno.test("a run logs to trackers what metrics.jsonl holds, each step once also where it was stopped", () =>
  withInput(async (dir) => {
    const config = await configOf(dir, {
      method: "spin",
      iterations: 2,
      data: { train: `${dir}/rows.jsonl`, eval: `${dir}/rows.jsonl` },
      training: { report_to: ["tensorboard", "wandb"], save_steps: 1, max_steps: 3 },
    });
    const controller = new AbortController();
    const onProgress = ({ stage, iteration, done }: { stage: string; iteration?: number; done: number }): void => {
      if (stage === "optimize" && iteration === 1 && done === 1) controller.abort();
    };
    await assert.rejects(train(config, { onProgress, signal: controller.signal }), StoppedError);
    const late = `${dir}/run/tensorboard/iteration-1/${FILE}`;
    assert.equal((await readEvents(late)).events.length, 2);
    const done = await Deno.readFile(late);
    // As where a process is killed after a step was logged, and before its state was saved.
    await (await EventFile.open(late, () => true)).append(3, { "train/loss": 99 });
    await train(config);
    assert.deepEqual((await Deno.readFile(late)).subarray(0, done.length), done);

    const lines = await readJsonLines<Record<string, number | string>>(`${dir}/run/metrics.jsonl`);
    for (const iteration of [0, 1]) {
      const { events } = await readEvents(`${dir}/run/tensorboard/iteration-${iteration}/${FILE}`);
      const steps = lines.filter((line) => line.iteration === iteration && line.step !== undefined);
      assert.deepEqual(events.map(({ step }) => step), [1, 2, 3]);
      for (const [i, { values }] of events.entries()) {
        for (const [name, value] of Object.entries(steps[i]!)) {
          if (name === "iteration" || name === "step") continue;
          assert.equal(values[`train/${name}`], Math.fround(Number(value)), name);
        }
      }
    }
    const { events } = await readEvents(`${dir}/run/tensorboard/${FILE}`);
    assert.deepEqual(events.map(({ step, values }) => [step, Object.keys(values)[0]]), [
      [0, "eval/loss"],
      [0, "generation/rows"],
      [0, "labels/pairs"],
      [1, "eval/loss"],
      [1, "generation/rows"],
      [1, "labels/pairs"],
      [2, "eval/loss"],
    ]);

    const wandb = `${dir}/run/wandb`;
    const [run] = await Array.fromAsync(Deno.readDir(wandb), ({ name }) => name);
    const records = readWandb(await Deno.readFile(`${wandb}/${run}/run-${run!.split("-").at(-1)}.wandb`));
    const history = records.filter(({ field }) => field === 2).map(({ fields }) => itemsOf(fields));
    const tags = history.map((items) => [items["train/global_step"] ?? items.iteration, Object.keys(items)[0]]);
    assert.deepEqual(tags, [
      [0, "eval/loss"],
      [0, "generation/rows"],
      [0, "labels/pairs"],
      ...[1, 2, 3].map((step) => [step, "train/loss"]),
      [1, "eval/loss"],
      [1, "generation/rows"],
      [1, "labels/pairs"],
      ...[4, 5, 6].map((step) => [step, "train/loss"]),
      [2, "eval/loss"],
    ]);
    const losses = history.flatMap((items) => items["train/loss"] ?? []);
    assert.deepEqual(losses, lines.filter(({ step }) => step !== undefined).map(({ loss }) => loss));
  }));

Deno.test("a run goes on to the same numbers where TensorBoard's folder cannot be written", () =>
  withInput(async (dir) => {
    const keys = { method: "sft", training: { loss_type: "sft", max_steps: 2 } };
    await runSft(await configOf(dir, keys));
    const numbers = await Deno.readTextFile(`${dir}/run/metrics.jsonl`);
    await Deno.mkdir(`${dir}/other`);
    await Deno.writeTextFile(`${dir}/other/tensorboard`, "");
    const training = { ...keys.training, report_to: ["tensorboard", "mlflow"] };
    const notes: string[] = [];
    await runSft(await configOf(dir, { ...keys, training, output_dir: `${dir}/other` }), {
      onNote: (note) => notes.push(note),
    });
    assert.equal(await Deno.readTextFile(`${dir}/other/metrics.jsonl`), numbers);
    assert.equal(
      notes.filter((note) => note.startsWith("Warning: Cannot log to tensorboard: ")).length,
      1,
    );
  }));
