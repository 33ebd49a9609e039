import { deepEqual, equal, match, ok } from "node:assert/strict";
import { type Figure, readmeFigure, runFigures } from "../../../core/report/figures.ts";
import { readRun } from "../../../core/run/read_run.ts";
import { lines, TRIAL, withRun } from "../_run_folders.ts";

const titles = (dir: string) => readRun(dir).then((run) => runFigures(run).map(({ title }) => title));

Deno.test("runFigures() draws what a run has", async () => {
  deepEqual(await withRun(TRIAL, titles), [
    "Right answers on held-out prompts",
    "How often the generated answer wins",
    "Model loss",
    "Noise loss",
    "Implicit rewards",
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
  equal(chosen!.title, "How often the generated answer wins");
  equal(chosen!.svg.split("<circle").length - 1, 1);
  equal(chosen!.narrow.split("<circle").length - 1, 1);
});

Deno.test("readmeFigure() is one SVG of the same run's accuracy, loss and rewards, the same each time", async () => {
  const run = await withRun(TRIAL, readRun);
  const figure = readmeFigure(run);
  ok(figure.startsWith('<svg xmlns="http://www.w3.org/2000/svg"') && figure.endsWith("</svg>"));
  equal(figure.split("<svg").length - 1, 1);
  for (const title of ["Right answers on held-out prompts", "Model loss", "Implicit rewards"]) {
    ok(figure.includes(`>${title}<`), title);
  }
  equal(readmeFigure(run), figure);
});

const runOf = (...steps: Record<string, number>[]) =>
  withRun({ "metrics.jsonl": lines(...steps.map((values, i) => ({ iteration: 0, step: i + 1, ...values }))) }, readRun);
const find = (figures: Figure[], title: string) => figures.find((figure) => figure.title === title);

Deno.test("runFigures() leaves out a noise loss that mirrors the model's, and says so", async () => {
  const mirrored = runFigures(await runOf({ loss: 0.7, "noise/loss": -0.7 }, { loss: 0.5, "noise/loss": -0.5 }));
  equal(find(mirrored, "Noise loss"), undefined);
  match(find(mirrored, "Model loss")!.reading, /noise generator's loss is its negative/);
  const own = runFigures(await runOf({ loss: 0.7, "noise/loss": -0.7 }, { loss: 0.5, "noise/loss": -0.4 }));
  ok(find(own, "Noise loss"));
});

Deno.test("runFigures() has no ranking where all margins are exactly 0, instead of a cliff to 0", async () => {
  const rewards = (margins: number, accuracies: number) => ({
    "rewards/margins": margins,
    "rewards/accuracies": accuracies,
  });
  const run = await runOf(rewards(0, 0), rewards(0, 0), rewards(0.1, 0.75), rewards(0.2, 0.8));
  const ranked = find(runFigures(run), "Pairs ranked as labelled")!;
  match(ranked.svg, /from 75.0 % to 80.0 %, lowest 75.0 %/);
  // A ranking that is wrong throughout is one.
  match(
    find(runFigures(await runOf(rewards(-0.1, 0), rewards(0.2, 1))), "Pairs ranked as labelled")!.svg,
    /lowest 0.0 %/,
  );
});

Deno.test("runFigures() draws a line at ln 2 for losses that begin there, and for no others", async () => {
  const run = await runOf({ loss: 0.7, "rewards/margins": 0.1 }, { loss: 0.5, "rewards/margins": 0.2 });
  const lossOf = (loss_type: string) =>
    find(runFigures({ ...run, config: { training: { loss_type } }, evaluated: new Map() }), "Model loss")!.svg;
  ok(lossOf("sigmoid").includes(">ln 2</text>") && lossOf("robust").includes(">ln 2</text>"));
  ok(!lossOf("hinge").includes(">ln 2</text>") && !lossOf("sft").includes(">ln 2</text>"));
  ok(find(runFigures(run), "Model loss")!.svg.includes(">ln 2</text>"));
});

Deno.test("runFigures() has intervals where n is known: of held-out rows, of pairs, of a step's pairs", async () => {
  const run = await withRun(TRIAL, readRun);
  const bars = (evaluated: Map<number, number>) =>
    find(runFigures({ ...run, config: {}, evaluated }), "Right answers on held-out prompts")!.svg.includes(
      'stroke-opacity="0.55"',
    );
  ok(bars(new Map([[0, 600]])) && !bars(new Map()));
  const steps = await runOf(
    { "rewards/margins": 0.1, "rewards/accuracies": 0.5 },
    { "rewards/margins": 0.2, "rewards/accuracies": 0.5 },
  );
  const stages = [{ iteration: 0, stage: "label", values: { "labels/pairs": 68 } }];
  const training = { per_device_train_batch_size: 32, gradient_accumulation_steps: 2, logging_steps: 1 };
  const ranked = find(
    runFigures({ ...steps, stages, config: { training }, evaluated: new Map() }),
    "Pairs ranked as labelled",
  )!;
  // The second step has the 4 pairs that are left of 68: its interval is far wider.
  const [, band] = /<path d="M([^"]*)Z"/.exec(ranked.svg)!;
  const ys = band!.split("L").map((point) => Number(point.split(",")[1]));
  ok(ys[3]! - ys[0]! < ys[2]! - ys[1]!, band);
});

Deno.test("runFigures() draws very many steps as means, and says of how many", async () => {
  const run = await runOf(...Array.from({ length: 1200 }, (_, i) => ({ loss: i % 2 })));
  const loss = find(runFigures(run), "Model loss")!;
  match(loss.reading, /Each point is the mean of 4 logged steps/);
  const thinned = find(runFigures({ ...run, stride: 8 }), "Model loss")!;
  match(thinned.reading, /Each point is the mean of 4 steps, one of every 8 that were logged\.$/);
  match(loss.svg, /from 0.5000 to 0.5000/);
  ok(loss.svg.length < 20_000, `${loss.svg.length}`);
});

Deno.test("runFigures() says how many benchmarks it leaves out", async () => {
  const textOf = async (count: number): Promise<string> => {
    const values = Object.fromEntries(Array.from({ length: count }, (_, i) => [`task${i}/acc`, i / 100]));
    const iterations = [-1, 0].map((iteration) => ({ iteration, ...values }));
    const figures = runFigures(
      await withRun({ "summary.json": JSON.stringify({ iterations, model: "m" }) }, readRun),
    );
    return find(figures, "Benchmarks")!.reading;
  };
  match(await textOf(10), /^As lm-evaluation-harness scores them\. Drawn are the first 8 of 10\./);
  ok(!(await textOf(8)).includes("first"));
});
