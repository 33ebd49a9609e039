/** The figures of several variants: measures over iterations, losses over steps, histograms of log-probabilities. @module */
import { meanOf } from "../../evaluate/seed_means.ts";
import type { LoggedStep } from "../../run/read_run.ts";
import type { Point, Series, Span } from "../chart.ts";
import { BY_STEP, type ComparedMeasure } from "../compared_measures.ts";
import type { ReadChart } from "../figures.ts";
import { iterationChart, measureSeries } from "../iteration_curves.ts";
import { measureOf, titleOf } from "../measures.ts";
import { stepCurves } from "../step_curves.ts";
import { type GroupMeasure, meansOf, type MeasuredGroup } from "./group_measures.ts";
import { legendNames } from "./group_runs.ts";

/** The most variants that are drawn: more lines cannot be told apart. */
export const MAX_DRAWN = 8;

/** A figure with the name of its file. */
export interface NamedChart extends ReadChart {
  /** Without an ending. */
  file: string;
}

/** A measure over iterations, one line a variant; null if none of them has it. */
export function measureFigure(groups: readonly MeasuredGroup[], measure: GroupMeasure): NamedChart | null {
  const { key, name: _, reading, against: _other, isOutcome: _good, errorsOver = "documents", ...chart } = measure;
  const names = legendNames(groups);
  const hasSeeds = groups.some(({ runs }) => runs.length > 1);
  const series = groups.map((group, i): Series => ({
    ...hasSeeds ? seedSeries(names[i]!, group, key) : singleSeries(names[i]!, group, key),
    place: group.place,
  }));
  const drawn = iterationChart(series, chart);
  if (drawn.series.length === 0) return null;
  const hasBars = series.some(({ spans = [] }) => spans.length > 0);
  const bars = !hasBars
    ? ""
    : hasSeeds
    ? " Bars are standard errors over seeds."
    : measureOf(key).of !== undefined
    ? " Bars are 95 % intervals over the rows."
    : ` Bars are standard errors over the ${errorsOver}.`;
  return { file: fileOf(key), chart: drawn, reading: reading + bars + onlyOne(drawn.series, groups) };
}

/** Whose line it is where a figure has one, which has no legend. */
function onlyOne(series: readonly Series[], groups: readonly MeasuredGroup[]): string {
  const [one, ...others] = series;
  if (one === undefined || others.length > 0 || groups.length === 1) return "";
  return ` Known of ${groups.find(({ place }) => place === one.place)!.name} alone.`;
}

/** A file's name from a key. */
function fileOf(key: string): string {
  return key.replace(/[^\w.-]+/g, "-");
}

/** Means over the seeds, with standard errors where there are several. */
function seedSeries(name: string, group: MeasuredGroup, key: string): Series {
  const means = [...meansOf(group, key)];
  const spans = means.flatMap(([x, { mean, stderr }]): Span[] =>
    stderr === null ? [] : [[x, mean - stderr, mean + stderr]]
  );
  return {
    name,
    segments: [means.map(([x, { mean }]): Point => [x, mean])],
    ...(spans.length > 0 && { spans: [spans] }),
  };
}

/** The one run of a variant, with intervals over its rows or documents. */
function singleSeries(name: string, { runs: [run] }: MeasuredGroup, key: string): Series {
  const { rows, errors, view: { evaluated } } = run!;
  const series = measureSeries(name, key, { rows, evaluated });
  const spans = series.segments.flat().flatMap(([x, y]): Span[] => {
    const error = errors.get(x)?.get(key);
    return error === undefined ? [] : [[x, y - error, y + error]];
  });
  return { ...series, ...(spans.length > 0 && { spans: [spans] }) };
}

/** Losses over steps: the model's, and the noise generator's, which no page of one run draws beside the other. */
const STEPS: readonly ComparedMeasure[] = [
  ...BY_STEP.filter(({ key }) => key === "loss"),
  {
    key: "noise/loss",
    title: titleOf("noise_loss"),
    yLabel: "nats",
    reading: measureOf("noise_loss").text,
  },
  ...BY_STEP.filter(({ key }) => key !== "loss"),
];

/** The keys of metrics.jsonl that are drawn over steps. */
export const STEP_KEYS: readonly string[] = STEPS.map(({ key }) => key);

/** Losses over steps, one line a variant; those that none of them has are left out. */
export function stepFigures(groups: readonly MeasuredGroup[]): NamedChart[] {
  const names = legendNames(groups);
  const curves = groups.map((group) => stepCurves(meanSteps(group)));
  return STEPS.flatMap(({ key, reading, ...chart }): NamedChart[] => {
    const lines = curves.flatMap((curve, i) =>
      curve.chart({ ...chart, keys: { [names[i]!]: key } }).series.map((one) => ({ ...one, place: groups[i]!.place }))
    );
    if (lines.length === 0) return [];
    const means = groups.some(({ runs }) => runs.length > 1)
      ? " Lines are means over seeds, at the steps that all of them logged; steps.csv has their errors."
      : "";
    const points = Math.max(...curves.map(({ perPoint }) => perPoint));
    const thinned = points > 1 ? ` A point is the mean of up to ${points} steps.` : "";
    return [{
      file: fileOf(key),
      reading: reading + means + thinned + onlyOne(lines, groups),
      chart: { xLabel: "optimizer step", ...chart, series: lines },
    }];
  });
}

/** Each step that all runs of a variant logged which came to its iteration, with the means over the runs. */
export function meanSteps(group: MeasuredGroup): LoggedStep[] {
  return groupSteps(group).map(({ iteration, step, values }) => ({
    iteration,
    step,
    values: Object.fromEntries([...values].map(([key, own]) => [key, meanOf(own).mean])),
  }));
}

/** As {@linkcode meanSteps}, with the values of all runs; a key that one of them lacks is absent. */
export function groupSteps(
  { runs }: MeasuredGroup,
): { iteration: number; step: number; values: Map<string, number[]> }[] {
  const reached = new Map<number, number>();
  for (const { view: { steps } } of runs) {
    for (const iteration of new Set(steps.map((step) => step.iteration))) {
      reached.set(iteration, (reached.get(iteration) ?? 0) + 1);
    }
  }
  const byPlace = Map.groupBy(runs.flatMap(({ view }) => view.steps), ({ iteration, step }) => `${iteration} ${step}`);
  return [...byPlace.values()].flatMap((own) => {
    const { iteration, step } = own[0]!;
    if (own.length < reached.get(iteration)!) return [];
    const values = new Map(
      STEP_KEYS.map((key) => [key, own.flatMap(({ values }) => values[key] ?? [])] as const)
        .filter(([, found]) => found.length === own.length),
    );
    return [{ iteration, step, values }];
  }).sort((a, b) => a.iteration - b.iteration || a.step - b.step);
}
