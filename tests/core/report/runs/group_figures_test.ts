import { deepEqual, equal, match, ok } from "node:assert/strict";
import { reportRuns } from "../../../../core/report/runs/report_runs.ts";
import { findRuns } from "../../../../core/report/runs/find_runs.ts";
import { groupSteps, meanSteps, measureFigure, stepFigures } from "../../../../core/report/runs/group_figures.ts";
import { drawnMeasures, type MeasuredGroup } from "../../../../core/report/runs/group_measures.ts";
import { groupRuns } from "../../../../core/report/runs/group_runs.ts";
import { measureRuns } from "../../../../core/report/runs/measured_runs.ts";
import { type MadeRun, resultsText, runFiles, withFiles } from "./_report_folders.ts";

const filesOf = (runs: Readonly<Record<string, MadeRun>>): Record<string, string> =>
  Object.assign({}, ...Object.entries(runs).map(([dir, run]) => runFiles(dir, run)));

async function groupsOf(runs: Readonly<Record<string, MadeRun>>): Promise<MeasuredGroup[]> {
  return await withFiles(filesOf(runs), async (dir) => {
    const found = await findRuns(Object.keys(runs).map((name) => `${dir}/${name}`));
    return groupRuns(await measureRuns(found, null));
  });
}

const greedy = drawnMeasures(null).find(({ key }) => key === "greedy")!;

Deno.test("measureFigure() draws means with standard errors where a variant has several seeds, and says so", async () => {
  const numbers = (end: number) => [{ greedy: 0.5, eval_rows: 100 }, { greedy: end, eval_rows: 100 }];
  const groups = await groupsOf({
    "a-1": { seed: 1, numbers: numbers(0.6) },
    "a-2": { seed: 2, numbers: numbers(0.8) },
    "b": { judge: "llm", numbers: numbers(0.9) },
  });
  const { chart: { series }, reading } = measureFigure(groups, greedy)!;
  const [a, b] = series;
  deepEqual(a!.segments, [[[-1, 0.5], [0, 0.7]]]);
  const [, [x, low, high]] = a!.spans![0]! as [unknown, [number, number, number]];
  deepEqual([x, low.toFixed(9), high.toFixed(9)], [0, "0.600000000", "0.800000000"]);
  // An interval over rows beside errors over seeds would be taken for one of them.
  equal(b!.spans, undefined);
  deepEqual(series.map(({ name }) => name), ["a (n = 2)", "b (n = 1)"]);
  match(reading, / Bars are standard errors over seeds\.$/);
});

Deno.test("measureFigure() draws intervals over rows where no variant has several seeds", async () => {
  const groups = await groupsOf({ "b": { numbers: [{ greedy: 0.5 }, { greedy: 0.9, eval_rows: 100 }] } });
  const { chart: { series: [b] }, reading } = measureFigure(groups, greedy)!;
  deepEqual(b!.spans![0]!.map(([x, low, high]) => [x, low.toFixed(3), high.toFixed(3)]), [[0, "0.826", "0.945"]]);
  match(reading, / Bars are 95 % intervals over the rows\.$/);
  equal(measureFigure(groups, drawnMeasures(null).find(({ key }) => key === "eval_loss")!), null);
});

Deno.test("figures keep a variant's colour where the variants before it are absent", async () => {
  const groups = await groupsOf({
    "a": { numbers: [{ sampled: 0.5 }, { sampled: 0.6 }], losses: [0.7] },
    "b": { judge: "llm", noise: true, losses: [0.7, 0.6] },
  });
  deepEqual(measureFigure(groups, greedy)!.chart.series.map(({ name, place }) => [name, place]), [["b", 1]]);
  match(measureFigure(groups, greedy)!.reading, / Known of b alone\.$/);
  const noise = stepFigures(groups).find(({ file }) => file === "noise-loss")!;
  deepEqual(noise.chart.series.map(({ name, place }) => [name, place]), [["b", 1]]);
});

Deno.test("meanSteps() takes the steps that all runs logged, and no loss that one of them lacks", async () => {
  const [group] = await groupsOf({
    "a-1": { seed: 1, noise: true, losses: [0.7, 0.5, 0.4] },
    "a-2": { seed: 2, noise: true, losses: [0.7, 0.6] },
  });
  deepEqual(meanSteps(group!).map(({ step, values }) => [step, values.loss]), [[1, 0.7], [2, 0.55]]);
  const [one, two] = group!.runs;
  const bare = two!.view.steps.map((step) => ({ ...step, values: { loss: step.values.loss! } }));
  const mixed = { ...group!, runs: [one!, { ...two!, view: { ...two!.view, steps: bare } }] };
  deepEqual(groupSteps(mixed).map(({ values }) => [...values.keys()]), [["loss"], ["loss"]]);
});

Deno.test("reportRuns() says which variants figures have no room for, and where held-out rows differ", async () => {
  const names = Array.from({ length: 9 }, (_, i) => `run-${"abcdefghi"[i]}`);
  const files = filesOf(Object.fromEntries(names.map((name, i) => [name, { model: `base-${i}` }])));
  const last = JSON.parse(files["run-b/config.yaml"]!);
  last.data.eval = "other.jsonl";
  await withFiles({ ...files, "run-b/config.yaml": JSON.stringify(last) }, async (dir) => {
    const { missing } = await reportRuns({ runs: names.map((name) => `${dir}/${name}`), output: `${dir}/out` });
    ok(missing.includes("Figures show 8 variants; in tables and CSV alone are run-i."), `${missing}`);
    ok(missing.some((line) => /^The held-out rows differ, .*run-b on "other\.jsonl"/.test(line)), `${missing}`);
    const svg = await Deno.readTextFile(`${dir}/out/figures/greedy.svg`);
    ok(svg.includes(">run-h<") && !svg.includes(">run-i<"));
    match(await Deno.readTextFile(`${dir}/out/means.csv`), /\ngreedy,run-i,SPIN,0,1,0\.6,\n/);
  });
});

Deno.test("reportRuns() compares with SPIN only where it is one variant", async () => {
  const files = filesOf({ "a": {}, "b": { model: "other" }, "c": { judge: "llm" } });
  await withFiles(files, async (dir) => {
    await reportRuns({ runs: ["a", "b", "c"].map((name) => `${dir}/${name}`), output: `${dir}/out` });
    match(await Deno.readTextFile(`${dir}/out/ablation.csv`), /\nc,\+ labels,greedy,0\.5,0,1,0\.6,,,,\n/);
    await reportRuns({ runs: ["a", "c"].map((name) => `${dir}/${name}`), output: `${dir}/out` });
    match(await Deno.readTextFile(`${dir}/out/ablation.csv`), /\nc,\+ labels,greedy,0\.5,0,1,0\.6,,1,0,\n/);
  });
});

Deno.test("reportRuns() has no average where a task is missing, and its error where all are known", async () => {
  const tasks = (arc: number, more = {}) => ({ arc: { "acc,none": arc, "acc_stderr,none": 0.03 }, ...more });
  const all = tasks(0.4, { piqa: { "acc,none": 0.6, "acc_stderr,none": 0.04 } });
  await withFiles({ ...runFiles("run"), "eval/results_1.json": resultsText("base", all) }, async (dir) => {
    const one = resultsText(`${dir}/run/iteration-0`, tasks(0.9));
    await Deno.writeTextFile(`${dir}/eval/results_2.json`, one);
    await reportRuns({ runs: [`${dir}/run`], output: `${dir}/out`, evaluations: `${dir}/eval` });
    const means = await Deno.readTextFile(`${dir}/out/means.csv`);
    deepEqual(means.split("\n").filter((line) => line.startsWith("benchmark_average")), [
      "benchmark_average,run,SPIN,-1,1,0.5,",
    ]);
    const [heads, start] = (await Deno.readTextFile(`${dir}/out/runs.csv`)).split("\n").map((line) => line.split(","));
    // The root of the summed squares, by the number of tasks.
    equal(start![heads!.indexOf("benchmark_average stderr")], "0.025");
  });
});
