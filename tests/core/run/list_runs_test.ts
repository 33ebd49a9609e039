import assert from "node:assert/strict";
import { runsTable } from "../../../cli/commands/runs_command.ts";
import { listRuns } from "../../../core/run/list_runs.ts";
import { lockFolder } from "../../../core/run/run_lock.ts";
import { jsonLines } from "../../_shared/tiny_model.ts";
import { withFolder } from "../_tiny.ts";

/** Writes a run's files. */
async function writeRun(
  dir: string,
  { config, metrics, summary, minutes = 0 }: {
    config?: string;
    metrics: readonly unknown[];
    summary?: unknown;
    minutes?: number;
  },
): Promise<void> {
  await Deno.mkdir(dir, { recursive: true });
  const files: Record<string, string> = { "metrics.jsonl": jsonLines(metrics) };
  if (config !== undefined) files["config.yaml"] = config;
  if (summary !== undefined) files["summary.json"] = JSON.stringify(summary);
  const when = new Date(Date.UTC(2026, 0, 1, 0, minutes));
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${dir}/${name}`, text);
    await Deno.utime(`${dir}/${name}`, when, when);
  }
}

const CONFIG = "method: dnpo\nmodel: models/a\niterations: 2\nlabels: [{ judge: verifier }, { judge: logprob }]\n";
const evaluated = (...values: number[]) => values.map((sampled, i) => ({ iteration: i - 1, sampled }));

Deno.test("listRuns() tells of each run, the latest first, whether it is done, stopped or running", () =>
  withFolder(async (dir) => {
    await writeRun(`${dir}/done`, {
      config: CONFIG,
      metrics: [{ iteration: 1, step: 7, loss: 0.25 }],
      summary: { iterations: evaluated(0.5, 0.75, 0.7), model: "m" },
    });
    await Deno.mkdir(`${dir}/done/model`);
    await writeRun(`${dir}/stopped`, {
      config: CONFIG,
      metrics: [{ iteration: 0, step: 3, loss: 0.5 }],
      summary: { iterations: evaluated(0.5), model: "m" },
      minutes: 5,
    });
    await writeRun(`${dir}/alone`, { metrics: [{ iteration: 0, step: 1, loss: 2 }], minutes: 2 });
    await writeRun(`${dir}/broken`, { config: "[", metrics: [3, 4], minutes: 1 });
    await Deno.mkdir(`${dir}/no run`);
    using _lock = await lockFolder(`${dir}/alone`);
    const runs = await listRuns(dir);
    assert.deepEqual(runs.map(({ name, state, done, planned }) => [name, state, done, planned]), [
      ["stopped", "stopped", 0, 2],
      ["alone", "running", 0, null],
      ["broken", "stopped", 0, null],
      ["done", "done", 2, 2],
    ]);
    const done = runs[3]!;
    assert.deepEqual([done.method, done.model, done.judge, done.step, done.loss], [
      "dnpo",
      "models/a",
      "verifier, logprob",
      7,
      0.25,
    ]);
    assert.deepEqual(done.evaluation, { name: "sampled", first: 0.5, last: 0.7, best: 0.75, bestIteration: 0 });
    assert.deepEqual(runs[0]!.evaluation, { name: "sampled", first: 0.5 });
    assert.equal(done.when, "2026-01-01T00:00:00.000Z");
    assert.match(runs[2]!.problem!, /^Cannot read .*metrics\.jsonl:1/);
    assert.deepEqual((await listRuns(`${dir}/done`)).map(({ name }) => name), ["done"]);

    const table = runsTable(runs);
    assert.match(
      table,
      /│ done +│ dnpo +│ models\/a +│ verifier, logprob +│ +2\/2 │ done +│ 0\.2500 │ right answers, sampled 50\.0 % → 70\.0 % \(best 75\.0 %, iteration 0\) +│/,
    );
    const shown = (...losses: number[]): string => {
      const [first, ...later] = losses;
      const [last, best] = [later.at(-1)!, Math.min(...losses)];
      const bestIteration = losses.indexOf(best) - 1;
      const evaluation = { name: "eval_loss" as const, first: first!, last, best, bestIteration };
      return runsTable([{ ...done, evaluation }]);
    };
    assert.match(shown(2, 1.5, 1.25), /held-out loss 2 → 1\.250 \(best\) /);
    assert.match(shown(2, 1.25, 2.5), /held-out loss 2 → 2\.500 \(best 1\.250, iteration 0\)/);
    assert.match(shown(1, 1.25), /held-out loss 1 → 1\.250 \(best 1, start\)/);
    // In a narrow terminal each run is a few lines.
    const narrow = runsTable(runs, 60);
    assert.match(narrow, /^done\n {2}method: dnpo\n {2}model: models\/a\n/m);
  }));

Deno.test("listRuns() gives the last evaluation, and the best of all: the smallest loss, the first of equal ones", () =>
  withFolder(async (dir) => {
    const cases = [
      [[0.5, 0.75, 0.75, 0.7], { last: 0.7, best: 0.75, bestIteration: 0 }],
      [[0.5, 0.75, 0.8], { last: 0.8, best: 0.8, bestIteration: 1 }],
      [[0.9, 0.75, 0.8], { last: 0.8, best: 0.9, bestIteration: -1 }],
    ] as const;
    for (const [values, expected] of cases) {
      for (const name of ["sampled", "choose/acc", "eval_loss"]) {
        const sign = name === "eval_loss" ? -1 : 1;
        const iterations = values.map((value, i) => ({ iteration: i - 1, [name]: sign * value }));
        await writeRun(`${dir}/run`, { metrics: [], summary: { iterations, model: "m" } });
        const { last, best, bestIteration } = expected;
        assert.deepEqual((await listRuns(`${dir}/run`))[0]!.evaluation, {
          name,
          first: sign * values[0],
          last: sign * last,
          best: sign * best,
          bestIteration,
        });
      }
    }
    // Of several benchmarks the one that iterations are told better by.
    const iterations = [-1, 0].map((iteration) => ({ iteration, "a/acc": 0.1, "b/acc": 0.2, eval_loss: 2 }));
    for (const [best, name] of [[undefined, "a/acc"], [{ iteration: 0, metric: "b/acc", value: 0.2 }, "b/acc"]]) {
      await writeRun(`${dir}/run`, { metrics: [], summary: { iterations, model: "m", best } });
      assert.equal((await listRuns(`${dir}/run`))[0]!.evaluation!.name, name);
    }
  }));

Deno.test("listRuns() names the judges that judged: those of the iterations, and none of pairs that the data has", () =>
  withFolder(async (dir) => {
    const judges = "[{ judge: human }, { judge: verifier }, { judge: logprob }]";
    const cases = [
      [`method: dnpo\niterations: 2\nlabels: ${judges}\n`, "human, verifier"],
      ["method: dpo\niterations: 2\nlabels: { judge: human }\n", null],
      [`method: dpo\niterations: 2\nlabels: ${judges}\n`, "human, verifier"],
      ["method: spin\niterations: 1\nlabels: { judge: human }\n", "human"],
      ["method: sft\niterations: 1\nlabels: { judge: verifier }\n", null],
    ] as const;
    for (const [config, judge] of cases) {
      await writeRun(`${dir}/run`, { config, metrics: [] });
      assert.equal((await listRuns(`${dir}/run`))[0]!.judge, judge, config);
    }
  }));

Deno.test("listRuns() says where there is no folder", async () => {
  await assert.rejects(listRuns("nowhere"), {
    name: "UserError",
    message: "Cannot list runs: there is no folder nowhere",
  });
  await assert.rejects(listRuns("README.md"), { message: "Cannot list runs: there is no folder README.md" });
});

Deno.test("listRuns() tells of a run whose last process failed, or told no end", () =>
  withFolder(async (dir) => {
    const log = (...lines: Record<string, unknown>[]): string =>
      jsonLines(lines.map((line) => ({ at: "2026-01-01T00:00:00Z", ...line })));
    const begin = { dnpo: "1", deno: "2", system: "linux" };
    const logs: Record<string, string> = {
      failed: log({ begin }, { note: "a" }, { end: "failed", problem: "Cannot open a device: none\nmore" }),
      again: log({ begin }, { end: "failed", problem: "x" }, { begin }, { end: "stopped" }),
      killed: log({ begin }, { end: "stopped" }, { begin }, { note: "a" }) + '{"at": "20',
    };
    for (const [name, text] of Object.entries(logs)) {
      await writeRun(`${dir}/${name}`, { config: CONFIG, metrics: [{ iteration: 0, step: 3, loss: 0.5 }] });
      await Deno.writeTextFile(`${dir}/${name}/log.jsonl`, text);
    }
    // A start that failed before anything was computed leaves its log alone.
    await Deno.mkdir(`${dir}/start`);
    await Deno.writeTextFile(`${dir}/start/log.jsonl`, logs.failed!);
    const runs = Object.fromEntries((await listRuns(dir)).map((run) => [run.name, run]));
    const killed = "its process told no end: it was killed, or the machine went down";
    assert.deepEqual(Object.entries(runs).map(([name, { state, reason }]) => [name, state, reason]).sort(), [
      ["again", "stopped", undefined],
      ["failed", "failed", "Cannot open a device: none"],
      ["killed", "stopped", killed],
      ["start", "failed", "Cannot open a device: none"],
    ]);
    assert.match(runsTable([runs.failed!]), /│ failed │ .*│ Cannot open a device: none │/);
    assert.doesNotMatch(runsTable([runs.again!]), /reason/);
  }));

Deno.test("listRuns() finds the runs of a sweep, each by its path", () =>
  withFolder(async (dir) => {
    const metrics = [{ iteration: 0, step: 1, loss: 1 }];
    for (const [i, seed] of [7, 8].entries()) {
      await writeRun(`${dir}/tried/beta=0.1 loss=a/seed-${seed}`, { metrics, minutes: i });
    }
    await writeRun(`${dir}/seeds/seed-1`, { metrics, minutes: 2 });
    await writeRun(`${dir}/notes/old/deep`, { metrics });
    const named = async (at: string): Promise<string[]> => (await listRuns(at)).map(({ name }) => name);
    assert.deepEqual(await named(dir), [
      "seeds/seed-1",
      "tried/beta=0.1 loss=a/seed-8",
      "tried/beta=0.1 loss=a/seed-7",
    ]);
    assert.deepEqual(await named(`${dir}/tried`), ["beta=0.1 loss=a/seed-8", "beta=0.1 loss=a/seed-7"]);
  }));

Deno.test("listRuns() tells which iteration is handed out as the best, and that a run which ended early is done", () =>
  withFolder(async (dir) => {
    const best = { iteration: 0, metric: "sampled", value: 0.75 };
    const summary = { iterations: evaluated(0.5, 0.75, 0.7), model: "m", best };
    const config = CONFIG.replace("iterations: 2", "iterations: 5");
    const stopped_early = { iteration: 1, patience: 1 };
    await writeRun(`${dir}/a`, { config, metrics: [], summary: { ...summary, stopped_early } });
    await writeRun(`${dir}/b`, { config, metrics: [], summary });
    for (const name of ["a", "b"]) await Deno.mkdir(`${dir}/${name}/model`);
    const runs = await listRuns(dir);
    assert.deepEqual(runs.map(({ name, state, done, best }) => [name, state, done, best]), [
      ["a", "done", 2, best],
      ["b", "stopped", 2, best],
    ]);
    assert.match(runsTable(runs), /50\.0 % → 70\.0 % \(best 75\.0 %, iteration 0; handed out: iteration 0\)/);
  }));
