/** Histograms of the log-probabilities of generated answers, by iteration. @module */
import { largest } from "../../values.ts";
import type { Point, Series } from "../chart.ts";
import { whole } from "../format_numbers.ts";
import type { NamedChart } from "./group_figures.ts";
import type { MeasuredGroup } from "./group_measures.ts";

/** The shares of an iteration's answers by bins of their log-probability. */
export interface Histogram {
  group: MeasuredGroup;
  iteration: number;
  /** Answers, of all runs of the variant. */
  answers: number;
  /** Runs that have them. */
  n: number;
  /** Mean over the runs of the share of answers in each bin. */
  shares: number[];
}

/** Histograms whose bins are the same. */
export interface Histograms {
  /** Ends of the bins, one more than there are bins; in nats. */
  ends: number[];
  all: Histogram[];
}

const BINS = 30;

/** The most lines of a figure. */
const MAX_LINES = 6;

/** The histograms of all variants that have log-probabilities; null if none has. */
export function logpHistograms(groups: readonly MeasuredGroup[]): Histograms | null {
  const known = groups.flatMap((group) => {
    const iterations = new Set(group.runs.flatMap(({ logps }) => [...logps.keys()]));
    return [...iterations].sort((a, b) => a - b).map((iteration) => ({
      group,
      iteration,
      runs: group.runs.flatMap(({ logps }) => {
        const own = logps.get(iteration);
        return own === undefined ? [] : [own];
      }),
    }));
  });
  const values = known.flatMap(({ runs }) => runs);
  if (values.length === 0) return null;
  const high = largest(values, (own) => largest(own, (value) => value));
  const low = -largest(values, (own) => largest(own, (value) => -value));
  const ends = binEnds(low, high);
  const width = ends[1]! - ends[0]!;
  const all = known.map(({ group, iteration, runs }): Histogram => {
    const shares = new Array<number>(ends.length - 1).fill(0);
    for (const own of runs) {
      for (const value of own) {
        const bin = Math.max(0, Math.min(shares.length - 1, Math.floor((value - ends[0]!) / width)));
        shares[bin]! += 1 / own.length / runs.length;
      }
    }
    return { group, iteration, answers: runs.reduce((sum, own) => sum + own.length, 0), n: runs.length, shares };
  });
  return { ends, all };
}

/** Ends of at most {@linkcode BINS} + 2 bins of a round width that hold everything from `low` to `high`. */
function binEnds(low: number, high: number): number[] {
  const rough = Math.max((high - low) / BINS, 1e-3);
  const size = 10 ** Math.floor(Math.log10(rough));
  const width = [1, 2, 5, 10].map((factor) => factor * size).find((step) => step >= rough)!;
  const first = Math.floor(low / width);
  const count = Math.max(1, Math.ceil(high / width) - first);
  return Array.from({ length: count + 1 }, (_, i) => (first + i) * width);
}

/** A figure for each variant, with a line for each of its iterations, or for some of many. */
export function histogramFigures({ ends, all }: Histograms): NamedChart[] {
  return [...Map.groupBy(all, ({ group }) => group)].map(([group, own]): NamedChart => {
    const drawn = some(own);
    const counts = [...new Set(drawn.map(({ answers }) => answers))];
    return {
      file: `logps-${group.place + 1}`,
      reading:
        `Of ${group.runs.length === 1 ? "" : "all runs of "}${group.name}: summed over an answer's tokens, under ` +
        "the model that the iteration began from; further left is less probable, and longer answers lie there too. " +
        `n = ${counts.map(whole).join(", ")} answers, without those that are the human ones themselves.` +
        (drawn.length < own.length ? " Iterations between those drawn are in logps.csv." : ""),
      chart: {
        title: `Log-probabilities of generated answers: ${group.name}`,
        xLabel: "nats",
        yLabel: "share of the answers",
        share: true,
        series: drawn.map(({ iteration, shares }): Series => ({
          name: `iteration ${iteration}`,
          segments: [outline(ends, shares)],
        })),
      },
    };
  });
}

/** The first, the last and some between. */
function some<T>(items: readonly T[]): readonly T[] {
  if (items.length <= MAX_LINES) return items;
  const places = Array.from({ length: MAX_LINES }, (_, i) => Math.round(i * (items.length - 1) / (MAX_LINES - 1)));
  return places.map((place) => items[place]!);
}

/** The upper edge of the bins, from one end to the other. */
function outline(ends: readonly number[], shares: readonly number[]): Point[] {
  const steps = shares.flatMap((share, i): Point[] => [[ends[i]!, share], [ends[i + 1]!, share]]);
  return [[ends[0]!, 0], ...steps, [ends.at(-1)!, 0]];
}
