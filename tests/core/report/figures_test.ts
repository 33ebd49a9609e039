import { deepEqual, equal, ok } from "node:assert/strict";
import { readmeFigure, runFigures } from "../../../core/report/figures.ts";
import { readRun } from "../../../core/run/read_run.ts";
import { lines, TRIAL, withRun } from "../_run_folders.ts";

const titles = (dir: string) => readRun(dir).then((run) => runFigures(run).map(({ title }) => title));

Deno.test("runFigures() draws what a run has", async () => {
  deepEqual(await withRun(TRIAL, titles), [
    "Accuracy on held-out prompts",
    "Pairs whose generated answer is chosen",
    "Model loss",
    "Noise loss",
    "Rewards",
  ]);
  const steps = lines({ iteration: 0, step: 10, loss: 1, "logps/chosen": -3, "rewards/accuracies": 0.5 });
  deepEqual(await withRun({ "metrics.jsonl": steps }, titles), [
    "Model loss",
    "Pairs ranked as labelled",
    "Log-probabilities",
  ]);
  deepEqual(await withRun({}, titles), []);
});

Deno.test("runFigures() lays iterations end to end, each a line of its own", async () => {
  const figures = runFigures(await withRun(TRIAL, readRun));
  const loss = figures.find(({ title }) => title === "Model loss")!.svg;
  const starts = [...loss.matchAll(/<path d="M([\d.]+),[\d.]+L([\d.]+),[\d.]+" fill="none"/g)].map(([, from, to]) => [
    Number(from),
    Number(to),
  ]);
  equal(starts.length, 2);
  ok(starts[0]![1]! < starts[1]![0]!, `${starts}`);
  ok(loss.includes(">iteration 0</text>") && loss.includes(">iteration 1</text>"));
});

Deno.test("runFigures() names the model before training, and draws shares of a run without summary", async () => {
  const accuracy = runFigures(await withRun(TRIAL, readRun))[0]!.svg;
  ok(accuracy.includes(">start</text>"));
  const { "metrics.jsonl": metrics } = TRIAL;
  const [chosen] = runFigures(await withRun({ "metrics.jsonl": metrics! }, readRun));
  equal(chosen!.title, "Pairs whose generated answer is chosen");
  equal(chosen!.svg.split("<circle").length - 1, 1);
});

Deno.test("readmeFigure() is one SVG of the same run's accuracy and losses, the same each time", async () => {
  const run = await withRun(TRIAL, readRun);
  const figure = readmeFigure(run);
  ok(figure.startsWith('<svg xmlns="http://www.w3.org/2000/svg"') && figure.endsWith("</svg>"));
  equal(figure.split("<svg").length - 1, 1);
  for (const title of ["Accuracy on held-out prompts", "Model loss", "Noise loss"]) {
    ok(figure.includes(`>${title}<`), title);
  }
  equal(readmeFigure(run), figure);
});
