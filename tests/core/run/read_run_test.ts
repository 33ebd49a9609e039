import { deepEqual, equal, rejects } from "node:assert/strict";
import { iterationValues, readRun } from "../../../core/run/read_run.ts";
import { lines, TRIAL, withRun } from "../_run_folders.ts";

Deno.test("readRun() reads steps, stages, iterations and settings", async () => {
  const run = await withRun(TRIAL, readRun);
  equal(run.name, "trial");
  equal(run.settings, TRIAL["config.yaml"]);
  equal(run.model, "runs/trial/iteration-1/model");
  deepEqual(run.steps.map(({ iteration, step, values }) => [iteration, step, values.loss]), [
    [0, 1, 0.7],
    [0, 2, 0.5],
    [1, 1, 0.69],
    [1, 2, 0.6],
  ]);
  deepEqual(run.stages.map(({ stage }) => stage), ["generate", "label"]);
  deepEqual(run.iterations[0], { iteration: -1, values: { greedy: 0.5, sampled: 0.4 } });
});

Deno.test("readRun() takes an empty folder", async () => {
  const run = await withRun({}, readRun);
  deepEqual(run, { name: "trial", settings: null, steps: [], stages: [], iterations: [], model: null, edited: [] });
});

Deno.test("readRun() counts the last line of a step that was logged twice, and leaves out what is no number", async () => {
  const metrics = lines({ step: 2, loss: 2 }, { step: 1, loss: 1, note: "x", grad_norm: null }, { step: 2, loss: 3 });
  const { steps } = await withRun({ "metrics.jsonl": metrics }, readRun);
  deepEqual(steps, [
    { iteration: 0, step: 1, values: { loss: 1 } },
    { iteration: 0, step: 2, values: { loss: 3 } },
  ]);
});

Deno.test("readRun() leaves out a last line that was cut off, and names any other malformed one", async () => {
  const whole = lines({ step: 1, loss: 1 });
  const { steps } = await withRun({ "metrics.jsonl": whole + '{"step":2,"lo' }, readRun);
  equal(steps.length, 1);
  await rejects(withRun({ "metrics.jsonl": '{"step":\n' + whole }, readRun), {
    name: "UserError",
    message: /^Cannot read .*metrics\.jsonl:1: not valid JSON/,
  });
  await rejects(withRun({ "metrics.jsonl": whole + "7\n" }, readRun), {
    message: /^Cannot read .*metrics\.jsonl:2: it is no object, expected one$/,
  });
  await rejects(withRun({ "summary.json": "{" }, readRun), {
    message: /^Cannot read .*summary\.json: it is not JSON$/,
  });
});

Deno.test("iterationValues() adds the stages' numbers to the summary's, which win", async () => {
  const run = await withRun(TRIAL, readRun);
  const values = iterationValues({ ...run, iterations: [{ iteration: 0, values: { ties: 9 } }] });
  deepEqual(values, [{
    iteration: 0,
    values: { generation_length: 6.5, truncated: 3, generated_chosen: 0.25, ties: 9, identical: 11 },
  }]);
});
