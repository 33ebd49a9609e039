/** Metrics over the steps of all iterations, end to end, as lines of charts. @module */
import { wilson } from "../evaluate/win_rate.ts";
import type { LoggedStep } from "../run/read_run.ts";
import type { Chart, Mark, Point, Series, Span } from "./chart.ts";

/** The most points of a line: more would not be told apart. */
const MAX_POINTS = 300;

/** What is particular to a curve. */
export interface StepCurve {
  /** The steps that have no value. */
  skip?: (step: LoggedStep) => boolean;
  /** What a step's value is a share of; the curve then has a band. */
  rows?: ((step: LoggedStep) => number) | null;
}

/** The steps of a run, ready to be drawn. */
export interface StepCurves {
  /** Of how many logged steps a point is the mean. */
  perPoint: number;
  /** A chart of the metrics `keys`, by the names of their lines. */
  chart: (
    chart: Pick<Chart, "title" | "yLabel"> & Partial<Chart> & { keys: Readonly<Record<string, string>> },
    curve?: StepCurve,
  ) => Chart;
}

/**
 * Lays the iterations' steps end to end; lines begin anew at each iteration's start. What begins with `eval_` is taken of
 * `evals`, the evaluations between the steps.
 */
export function stepCurves(steps: readonly LoggedStep[], evals: readonly LoggedStep[] = []): StepCurves {
  const groups = [...Map.groupBy(steps, ({ iteration }) => iteration)];
  const perPoint = Math.max(1, Math.ceil(steps.length / MAX_POINTS));
  let before = 0;
  const placed = groups.map(([iteration, group]) => {
    const start = before;
    before += group.at(-1)!.step;
    return { iteration, group, start };
  });
  const boundaries = placed.map(({ iteration, start }): Mark => ({
    x: start,
    label: `iteration ${iteration}`,
    short: String(iteration),
  }));
  return {
    perPoint,
    chart({ keys, ...chart }, { skip = () => false, rows = null } = {}) {
      const series = Object.entries(keys).map(([name, key]): Series => {
        const isEval = key.startsWith("eval_");
        const size = isEval ? Math.ceil(evals.length / MAX_POINTS) : perPoint;
        const pieces = placed.flatMap(({ iteration, group: own, start }) => {
          const group = isEval ? evals.filter((step) => step.iteration === iteration) : own;
          const known = group.filter((step) => step.values[key] !== undefined && !skip(step));
          return gapless(known, group, size).map((piece) =>
            buckets(piece.map((step) => [start + step.step, step.values[key]!, rows?.(step) ?? 0]), size)
          );
        });
        const segments = pieces.map((piece) => piece.map(([x, y]): Point => [x, y]));
        const spans = rows === null ? [] : pieces.map((piece) =>
          piece.map(([x, y, count]): Span => {
            const { low, high } = wilson(Math.min(1, y), count);
            return [x, low, high];
          })
        );
        return { name, segments, ...(spans.length > 0 && { spans }) };
      }).filter(({ segments }) => segments.length > 0);
      return { xLabel: "optimizer step", ...chart, series, ...(placed.length > 1 && { boundaries }) };
    },
  };
}

/** The pieces of an iteration's steps between those that are left out. */
function gapless(known: readonly LoggedStep[], all: readonly LoggedStep[], perPoint: number): LoggedStep[][] {
  if (known.length === 0) return [];
  // Means close small gaps.
  if (perPoint > 1) return [[...known]];
  const place = new Map(all.map((step, i) => [step, i]));
  const pieces: LoggedStep[][] = [];
  for (const step of known) {
    const piece = pieces.at(-1);
    const last = piece?.at(-1);
    if (piece && last && place.get(last)! + 1 === place.get(step)!) piece.push(step);
    else pieces.push([step]);
  }
  return pieces;
}

/** x, y, and the rows that y is a share of. */
type Counted = readonly [x: number, y: number, rows: number];

/** Means of `size` points each; their rows are added. */
function buckets(points: readonly Counted[], size: number): Counted[] {
  if (size === 1) return [...points];
  const out: Counted[] = [];
  for (let at = 0; at < points.length; at += size) {
    const part = points.slice(at, at + size);
    const sum = (i: 0 | 1 | 2): number => part.reduce((sum, point) => sum + point[i], 0);
    out.push([sum(0) / part.length, sum(1) / part.length, sum(2)]);
  }
  return out;
}

/** A line of at most {@linkcode MAX_POINTS} points: every n-th and the last. */
export function thinned(series: Series): Series {
  const most = MAX_POINTS;
  const cut = <T>(items: readonly T[]): T[] => {
    const every = Math.ceil(items.length / most);
    return items.filter((_, i) => i % every === 0 || i === items.length - 1);
  };
  return { ...series, segments: series.segments.map(cut), ...(series.spans && { spans: series.spans.map(cut) }) };
}
