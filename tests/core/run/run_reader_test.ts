import { deepEqual, equal, rejects } from "node:assert/strict";
import { readRun } from "../../../core/run/read_run.ts";
import { lockFolder } from "../../../core/run/run_lock.ts";
import { RunReader } from "../../../core/run/run_reader.ts";
import { lines, TRIAL, withRun } from "../_run_folders.ts";

Deno.test("RunReader reads what readRun() reads", () =>
  withRun(TRIAL, async (dir) => {
    const read = async (): Promise<unknown> => {
      const { name, settings, steps, stages, iterations, model, edited, ...view } = await new RunReader(dir).read();
      const picked = { ...(view.best && { best: view.best }), ...(view.endedAfter && { endedAfter: view.endedAfter }) };
      return { name, settings, steps, stages, iterations, model, edited, ...picked };
    };
    deepEqual(await read(), await readRun(dir));
    const best = { iteration: 0, metric: "greedy", value: 0.625 };
    const summary = { ...JSON.parse(TRIAL["summary.json"]!), best, stopped_early: { iteration: 1, patience: 1 } };
    await Deno.writeTextFile(`${dir}/summary.json`, JSON.stringify(summary));
    const found = await readRun(dir);
    deepEqual([found.best, found.endedAfter], [best, 1]);
    deepEqual(await read(), found);
  }));

Deno.test("RunReader follows files that grow, and begins anew with those that a resumed run replaced", () =>
  withRun({ "metrics.jsonl": lines({ iteration: 0, step: 1, loss: 3 }) }, async (dir) => {
    const reader = new RunReader(dir);
    equal((await reader.read()).steps.length, 1);
    await Deno.writeTextFile(`${dir}/metrics.jsonl`, lines({ iteration: 0, step: 2, loss: 2 }) + '{"iter', {
      append: true,
    });
    await Deno.writeTextFile(`${dir}/log.jsonl`, lines({ at: "2026-01-01T00:00:00Z", note: "hi" }) + "torn\n");
    await Deno.writeTextFile(
      `${dir}/summary.json`,
      JSON.stringify({ iterations: [{ iteration: 0, loss: 2.5 }], model: "m" }),
    );
    await Deno.writeTextFile(`${dir}/evaluation.json`, '{"rows": 40, "loss": 1}');
    const grown = await reader.read();
    deepEqual(grown.steps.map(({ values }) => values.loss), [3, 2]);
    deepEqual([grown.log.length, grown.model, grown.evaluated.get(-1), grown.state], [1, "m", 40, "stopped"]);
    await Deno.writeTextFile(`${dir}/new`, lines({ iteration: 0, step: 1, loss: 7 }));
    await Deno.rename(`${dir}/new`, `${dir}/metrics.jsonl`);
    deepEqual((await reader.read()).steps.map(({ values }) => values.loss), [7]);
  }));

Deno.test("RunReader holds no more evaluations between steps than it shows", () => {
  const evals = Array.from({ length: 4002 }, (_, i) => ({ iteration: 0, step: i + 1, eval_loss: i }));
  return withRun({ "metrics.jsonl": lines(...evals) }, async (dir) => {
    const { evals: held = [], stride } = await new RunReader(dir).read();
    // One of every two, and the last one.
    deepEqual([held.length, held[1]!.step, held.at(-1)!.step, stride], [2002, 3, 4002, 1]);
    deepEqual((await readRun(dir)).evals!.length, 4002);
  });
});

Deno.test("RunReader says running while the folder is locked, and has its progress only then", () =>
  withRun(
    {
      ...TRIAL,
      "progress.json":
        '{"at": "2026-01-01T00:00:00Z", "stage": "optimize", "done": 1, "total": 2, "seconds": 1, "before": 0}',
    },
    async (dir) => {
      const reader = new RunReader(dir);
      deepEqual([(await reader.read()).state, (await reader.read()).progress], ["stopped", null]);
      {
        using _lock = await lockFolder(dir);
        const { state, progress } = await reader.read();
        deepEqual([state, progress?.done], ["running", 1]);
      }
      await Deno.mkdir(`${dir}/model`);
      equal((await reader.read()).state, "done");
    },
  ));

Deno.test("RunReader says running between stages, however long nothing is written, and how a long log's process ended", () => {
  const at = "2026-01-01T00:00:00Z";
  const notes = Array.from({ length: 300 }, () => ({ at, note: "hi" }));
  const log = lines({ at, begin: { dnpo: "1", deno: "2", system: "x" } }, ...notes);
  return withRun({ ...TRIAL, "log.jsonl": log }, async (dir) => {
    for await (const { name } of Deno.readDir(dir)) await Deno.utime(`${dir}/${name}`, 1e9, 1e9);
    const reader = new RunReader(dir);
    {
      using _lock = await lockFolder(dir);
      deepEqual([(await reader.read()).state, (await reader.read()).progress], ["running", null]);
    }
    const killed = await reader.read();
    deepEqual([killed.state, killed.ended, killed.log.length], ["stopped", { end: null }, 200]);
  });
});

Deno.test("RunReader names a malformed line, and reads on once it is mended", () =>
  withRun({ "metrics.jsonl": "[]\n" }, async (dir) => {
    const reader = new RunReader(dir);
    await rejects(reader.read(), {
      name: "UserError",
      message: `Cannot read ${dir}/metrics.jsonl:1: it is no JSON object, expected one`,
    });
    await Deno.writeTextFile(`${dir}/metrics.jsonl`, "");
    equal((await reader.read()).steps.length, 0);
  }));

Deno.test("RunReader has the settings that a stage which ran alone has read before those of its config", () =>
  withRun({ "stage.yaml": "stage: sft\nmodel: a\n", "config.yaml": "model: b\nmethod: dnpo\n" }, async (dir) => {
    deepEqual((await new RunReader(dir).read()).config, { stage: "sft", model: "a" });
  }));

Deno.test("RunReader knows how many rows were evaluated from the summary or from the evaluations", () =>
  withRun(
    {
      "summary.json": JSON.stringify({ iterations: [{ iteration: -1 }, { iteration: 0, eval_rows: 7 }], model: "m" }),
      "evaluation.json": '{"rows": 5}',
    },
    async (dir) => deepEqual([...(await new RunReader(dir).read()).evaluated], [[0, 7], [-1, 5]]),
  ));

Deno.test("RunReader looks for the iterations that something was logged of, however large their numbers", () =>
  withRun({
    "metrics.jsonl": lines({ iteration: 1e10, stage: "label", "labels/pairs": 1 }),
    "timings.jsonl": lines({ iteration: 2e10, stage: "evaluate", seconds: 1 }),
  }, async (dir) => {
    await Deno.mkdir(`${dir}/iteration-20000000000`);
    await Deno.writeTextFile(`${dir}/iteration-20000000000/evaluation.json`, '{"rows": 7, "loss": 1}');
    const { evaluated, stages } = await new RunReader(dir).read();
    deepEqual([[...evaluated], stages.length], [[[2e10, 7]], 1]);
  }));

Deno.test("RunReader counts what it reads once, also where two pages ask at the same time", () =>
  withRun(
    // Longer than what is read at a time, so that the readers meet within the file.
    { "timings.jsonl": lines({ iteration: 0, stage: "optimize", seconds: 5 }).repeat(10_000) },
    async (dir) => {
      const reader = new RunReader(dir);
      const views = await Promise.all([reader.read(), reader.read()]);
      deepEqual(views.map(({ timings }) => timings.length), [10_000, 10_000]);
    },
  ));

Deno.test("RunReader names the same malformed line at each look", () =>
  withRun({ "metrics.jsonl": `${lines({ step: 1, loss: 3 })}[]\n` }, async (dir) => {
    const reader = new RunReader(dir);
    const message = `Cannot read ${dir}/metrics.jsonl:2: it is no JSON object, expected one`;
    for (let look = 0; look < 3; look++) await rejects(reader.read(), { name: "UserError", message });
  }));

Deno.test("RunReader takes an iteration of any number, and looks for the files of those that are there only", () =>
  withRun(
    {
      "metrics.jsonl": lines({ iteration: 1e15, stage: "label", "labels/pairs": 1 }),
      "timings.jsonl": lines({ iteration: 1e15, stage: "label", seconds: 1 }),
    },
    async (dir) => equal((await new RunReader(dir).read()).stages.length, 1),
  ));
