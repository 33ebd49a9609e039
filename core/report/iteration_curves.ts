/** Numbers over iterations as lines of charts. @module */
import { type Interval, wilson } from "../evaluate/win_rate.ts";
import type { LoggedIteration } from "../run/read_run.ts";
import type { Chart, Mark, Point, Series, Span } from "./chart.ts";
import { meanInterval, shareError } from "./intervals.ts";
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
function rowsOf(
  { kind, of }: Measure,
  { iteration, values }: LoggedIteration,
  evaluated: IterationNumbers["evaluated"],
): number | undefined {
  if (kind !== "share") return undefined;
  return of === "evaluated" ? evaluated.get(iteration) : of === undefined ? undefined : values[of];
}

/** The 95 % interval of a measure of an iteration: Wilson's of a share, or of a mean by its error; null if that is not known. */
export function intervalOf(
  key: string,
  row: LoggedIteration,
  evaluated: IterationNumbers["evaluated"],
): Interval | null {
  const measure = measureOf(key);
  const value = row.values[key];
  if (value === undefined) return null;
  const stderr = measure.stderr === undefined ? undefined : row.values[measure.stderr];
  if (stderr !== undefined) return meanInterval({ mean: value, stderr });
  const count = rowsOf(measure, row, evaluated);
  return count ? wilson(value, count) : null;
}

/** The standard error of a measure of an iteration, which is the ± beside it; null if that is not known. */
export function standardErrorOf(
  key: string,
  row: LoggedIteration,
  evaluated: IterationNumbers["evaluated"],
): number | null {
  const measure = measureOf(key);
  const share = row.values[key];
  if (share === undefined) return null;
  const stderr = measure.stderr === undefined ? undefined : row.values[measure.stderr];
  if (stderr !== undefined) return stderr;
  const rows = rowsOf(measure, row, evaluated);
  return rows ? shareError({ share, rows }) : null;
}

/** The line of a measure, with bars where its error is known; without points if it is not known itself. */
export function measureSeries(name: string, key: string, { rows, evaluated }: IterationNumbers): Series {
  const points = rows.flatMap(({ iteration, values }): Point[] =>
    values[key] === undefined ? [] : [[iteration, values[key]]]
  );
  const spans = rows.flatMap((row): Span[] => {
    const interval = intervalOf(key, row, evaluated);
    return interval === null ? [] : [[row.iteration, interval.low, interval.high]];
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
