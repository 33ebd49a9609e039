/** The figures of a run: the paper's curves, drawn from its metrics and its summary. @module */
import { iterationValues, type RunRecord } from "../run/read_run.ts";
import { type Chart, drawChart, type Mark, type Point, type Series, type Size, svg } from "./chart.ts";

/** A figure. */
export interface Figure {
  /** What it shows. */
  title: string;
  /** A whole SVG file. */
  svg: string;
}

const SIZE: Size = { width: 560, height: 300 };

/** A run's figures; those without data are left out. */
export function runFigures(run: RunRecord): Figure[] {
  return runCharts(run).map((chart) => {
    const { title } = chart;
    return { title, svg: svg(drawChart(chart, SIZE), { ...SIZE, label: title }) };
  });
}

/**
 * Accuracy over iterations beside model loss and noise loss over steps: one SVG file, for a README.
 */
export function readmeFigure(run: RunRecord): string {
  const charts = [accuracyChart, lossChart, noiseLossChart].map((make) => make(run)).filter(hasData);
  const panel = { width: 400, height: 280 };
  const panels = charts.map((chart, i) =>
    `<g transform="translate(${i * panel.width} 0)">${drawChart(chart, panel)}</g>`
  );
  const label = charts.map(({ title }) => title).join("; ");
  return svg(panels.join(""), { width: panel.width * Math.max(1, charts.length), height: panel.height, label });
}

function runCharts(run: RunRecord): Chart[] {
  return [
    accuracyChart(run),
    chosenChart(run),
    lossChart(run),
    noiseLossChart(run),
    stepChart(run, {
      title: "Rewards",
      yLabel: "reward",
      keys: { margins: "rewards/margins", chosen: "rewards/chosen", rejected: "rewards/rejected" },
    }),
    stepChart(run, {
      title: "Pairs ranked as labelled",
      yLabel: "share of pairs",
      keys: { accuracy: "rewards/accuracies" },
      share: true,
    }),
    stepChart(run, {
      title: "Log-probabilities",
      yLabel: "summed log-probability",
      keys: { chosen: "logps/chosen", rejected: "logps/rejected" },
    }),
    stepChart(run, { title: "Noise variance", yLabel: "mean σ²", keys: { variance: "noise/variance" } }),
  ].filter(hasData);
}

function hasData({ series }: Chart): boolean {
  return series.length > 0;
}

function accuracyChart(run: RunRecord): Chart {
  return iterationChart(run, {
    title: "Accuracy on held-out prompts",
    yLabel: "right answers",
    keys: { greedy: "greedy", sampled: "sampled" },
  });
}

function chosenChart(run: RunRecord): Chart {
  return iterationChart(run, {
    title: "Pairs whose generated answer is chosen",
    yLabel: "share of pairs",
    keys: { generated: "generated_chosen" },
  });
}

function pointOf(x: number, y: number | undefined): Point[] {
  return y === undefined ? [] : [[x, y]];
}

/** A chart of shares over iterations. */
function iterationChart(
  run: RunRecord,
  { title, yLabel, keys }: { title: string; yLabel: string; keys: Readonly<Record<string, string>> },
): Chart {
  const iterations = iterationValues(run);
  const series = Object.entries(keys).map(([name, key]): Series => {
    return { name, segments: [iterations.flatMap(({ iteration, values }) => pointOf(iteration, values[key]))] };
  }).filter(({ segments }) => segments.flat().length > 0);
  const marks = new Set(series.flatMap(({ segments }) => segments.flat().map(([x]) => x)));
  const xTicks = [...marks].sort((a, b) => a - b).map((x): Mark => ({ x, label: iterationName(x) }));
  return { title, xLabel: "iteration", yLabel, series, xTicks, share: true, dots: true };
}

/** An iteration's name: "start" for −1. */
export function iterationName(iteration: number): string {
  return iteration === -1 ? "start" : String(iteration);
}

function lossChart(run: RunRecord): Chart {
  return stepChart(run, { title: "Model loss", yLabel: "loss", keys: { model: "loss" } });
}

function noiseLossChart(run: RunRecord): Chart {
  return stepChart(run, { title: "Noise loss", yLabel: "loss", keys: { noise: "noise/loss" } });
}

/** A chart of metrics over the steps of all iterations, end to end; lines begin anew at each iteration's start. */
function stepChart(
  { steps }: RunRecord,
  { title, yLabel, keys, share = false }: {
    title: string;
    yLabel: string;
    keys: Readonly<Record<string, string>>;
    share?: boolean;
  },
): Chart {
  const groups = Map.groupBy(steps, ({ iteration }) => iteration);
  const boundaries: Mark[] = [];
  const segments = new Map(Object.keys(keys).map((name): [string, Point[][]] => [name, []]));
  let before = 0;
  for (const [iteration, group] of groups) {
    boundaries.push({ x: before, label: `iteration ${iteration}` });
    for (const [name, key] of Object.entries(keys)) {
      const points = group.flatMap(({ step, values }) => pointOf(before + step, values[key]));
      if (points.length > 0) segments.get(name)!.push(points);
    }
    before += group.at(-1)!.step;
  }
  const series = [...segments].filter(([, lines]) => lines.length > 0)
    .map(([name, lines]): Series => ({ name, segments: lines }));
  return { title, xLabel: "optimizer step", yLabel, series, boundaries, share };
}
