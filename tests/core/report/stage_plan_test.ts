import { deepEqual, equal, ok } from "node:assert/strict";
import { stagePlan } from "../../../core/report/stage_plan.ts";
import { RunReader, type RunView } from "../../../core/run/run_reader.ts";
import { withRun } from "../_run_folders.ts";

const config = { method: "dnpo", iterations: 2, iteration: 0, data: { eval: "held.jsonl" } };
const timing = (iteration: number, stage: string, seconds: number) => ({ iteration, stage, seconds });
const progress = (stage: string, done: number, more: object = {}) => ({
  ...{ at: "", stage, iteration: 1, done, total: 100, seconds: 4, before: 0 },
  ...more,
});

async function view(more: Partial<RunView>): Promise<RunView> {
  return { ...await withRun({}, (dir) => new RunReader(dir).read()), config, ...more };
}

const FIRST = [
  timing(-1, "evaluate", 10),
  timing(0, "generate", 20),
  timing(0, "label", 5),
  timing(0, "optimize", 40),
  timing(0, "evaluate", 12),
];

Deno.test("stagePlan() has the stages of the whole, and what is left by how long they took before", async () => {
  const run = await view({ state: "running", timings: FIRST, progress: progress("generate", 25) });
  const { cells, left, isLeast, share, seconds } = stagePlan(run);
  deepEqual(cells.map(({ iteration, stage }) => `${iteration} ${stage}`), [
    ...["-1 evaluate", "0 generate", "0 label", "0 optimize", "0 evaluate"],
    ...["1 generate", "1 label", "1 optimize", "1 evaluate"],
  ]);
  equal(seconds, 87);
  // 75 rows at 25 in 4 s, then label, optimize and evaluate, whose times so far are 10 and 12 s.
  deepEqual([left, isLeast], [12 + 5 + 40 + 11, false]);
  ok(Math.abs(share - 91 / (91 + 68)) < 1e-9);
});

Deno.test("stagePlan() says at least where a stage has never been timed, and counts the reference as optimize", async () => {
  const run = await view({
    state: "running",
    timings: FIRST.slice(0, 3),
    progress: progress("reference", 50, { iteration: 0 }),
  });
  const { cells, left, isLeast } = stagePlan(run);
  equal(cells.find(({ share }) => share !== null)?.stage, "optimize");
  // generate, label and evaluate of iteration 1, and evaluate of iteration 0.
  deepEqual([left, isLeast], [20 + 5 + 10 + 10, true]);
});

Deno.test("stagePlan() takes up a resumed stage at the pace of this process", async () => {
  const run = await view({ state: "running", timings: FIRST, progress: progress("optimize", 60, { before: 50 }) });
  // 40 steps at 10 in 4 s, and an evaluation.
  equal(stagePlan(run).left, 16 + 11 + 20 + 5);
});

Deno.test("stagePlan() of a run that is done, stopped, a stage alone, or of another method", async () => {
  const names = async (more: Partial<RunView>) =>
    stagePlan(await view(more)).cells.map(({ iteration, stage }) => `${iteration} ${stage}`);
  deepEqual(await names({ config: { stage: "sft", iteration: 0 } }), ["0 optimize"]);
  deepEqual(await names({ config: { ...config, method: "sft", iterations: 1, data: {} } }), ["0 optimize"]);
  deepEqual(await names({ config: {}, timings: [timing(0, "generate", 1)] }), ["0 generate"]);
  // A run without held-out rows begins with generating.
  const begun = await names({ config: { ...config, data: {} }, progress: progress("generate", 1, { iteration: 0 }) });
  deepEqual(begun.slice(0, 4), ["0 generate", "0 label", "0 optimize", "1 generate"]);
  equal(stagePlan(await view({ state: "done", timings: FIRST })).share, 1);
  const stopped = stagePlan(await view({ state: "stopped", timings: FIRST }));
  deepEqual([stopped.left, stopped.cells.at(-1)!.seconds], [null, null]);
});

Deno.test("stagePlan() plans nothing after the iteration that ended a run early", async () => {
  const run = await view({ state: "done", timings: FIRST, endedAfter: 0 });
  deepEqual(stagePlan(run).cells.map(({ iteration }) => iteration), [-1, 0, 0, 0, 0]);
});
