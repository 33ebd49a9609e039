/** Numbers over iterations as lines of charts. @module */
import { wilson } from "../evaluate/win_rate.ts";
import type { LoggedIteration } from "../run/read_run.ts";
import type { Chart, Mark, Point, Series, Span } from "./chart.ts";
import { type Measure, measureOf } from "./measures.ts";
import { thinned } from "./step_curves.ts";

/** The numbers that a line is made of. */
export interface IterationNumbers {
  rows: readonly LoggedIteration[];
  /** Held-out rows by iteration, for the errors of shares. */
  evaluated: ReadonlyMap<number, number>;
}

/** An iteration's name: "start" for −1. */
export function iterationName(iteration: number): string {
  return iteration === -1 ? "start" : String(iteration);
}

/** The head of an iteration's column. */
export function columnName(iteration: number): string {
  return iteration === -1 ? "start" : `iteration ${iteration}`;
}

/** How many rows a measure of an iteration is a share of; undefined where that is not known, or it is no share. */
export function rowsOf(
  { kind, of }: Measure,
  { iteration, values }: LoggedIteration,
  evaluated: IterationNumbers["evaluated"],
): number | undefined {
  if (kind !== "share") return undefined;
  return of === "evaluated" ? evaluated.get(iteration) : of === "pairs" ? values.pairs : undefined;
}

/** The line of a measure, with bars where it is a share and its rows are known; without points if it is not known. */
export function measureSeries(name: string, key: string, { rows, evaluated }: IterationNumbers): Series {
  const points = rows.flatMap(({ iteration, values }): Point[] =>
    values[key] === undefined ? [] : [[iteration, values[key]]]
  );
  const spans = rows.flatMap((row): Span[] => {
    const count = rowsOf(measureOf(key), row, evaluated);
    const value = row.values[key];
    if (value === undefined || !count) return [];
    const { low, high } = wilson(value, count);
    return [[row.iteration, low, high]];
  });
  return { name, segments: [points], ...(spans.length > 0 && { spans: [spans] }) };
}

/** A chart of lines over iterations; those without points are left out. */
export function iterationChart(
  lines: readonly Series[],
  chart: Pick<Chart, "title" | "yLabel"> & Partial<Chart>,
): Chart {
  const series = lines.filter(({ segments }) => segments.flat().length > 0);
  const marks = new Set(series.flatMap(({ segments }) => segments.flat().map(([x]) => x)));
  const xTicks = [...marks].sort((a, b) => a - b).map((x): Mark => ({ x, label: iterationName(x) }));
  return { xLabel: "iteration", series: series.map(thinned), xTicks, dots: xTicks.length <= 40, ...chart };
}
