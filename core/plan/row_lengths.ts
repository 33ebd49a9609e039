/** How long rows are, and what a limit on their tokens costs. @module */
import { type AnswerLength, rowFate } from "../data/row_fate.ts";

/** Lengths in tokens: their mean, percentiles and largest. */
export interface LengthSummary {
  /** The mean. */
  mean: number;
  /** The median. */
  p50: number;
  /** What 90 % do not exceed. */
  p90: number;
  /** What 95 % do not exceed. */
  p95: number;
  /** What 99 % do not exceed. */
  p99: number;
  /** The largest. */
  max: number;
}

/** Rows of `from` tokens to below `to`. */
export interface LengthBin {
  /** The fewest tokens. */
  from: number;
  /** One more than the most tokens. */
  to: number;
  /** Number of rows. */
  rows: number;
}

/** What a limit would do. */
export interface LengthCost {
  /** The limit. */
  maxLength: number;
  /** Rows that it drops. */
  dropped: number;
  /** Rows with an answer that it cuts. */
  cutRows: number;
  /** Share of the answers' tokens that is left. */
  keptShare: number;
}

/** A row's tokens: of the prompt, and its answers. */
export interface RowLengths {
  prompt: number;
  answers: readonly AnswerLength[];
}

/** Mean, percentiles (the least length that so many percent of the rows do not exceed) and largest. */
export function summarize(lengths: readonly number[]): LengthSummary {
  const sorted = Float64Array.from(lengths).sort();
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return {
    mean: sorted.reduce((sum, length) => sum + length, 0) / Math.max(1, sorted.length),
    p50: at(0.5),
    p90: at(0.9),
    p95: at(0.95),
    p99: at(0.99),
    max: at(1),
  };
}

/** The bounds of the histogram's bins, which double in two steps: 8, 12, 16, 24, 32, … */
function* bounds(): Generator<number> {
  for (let bound = 8;; bound *= 2) yield* [bound, 1.5 * bound];
}

/** Counts lengths in bins that grow with them, from the first that holds one to the last. */
export function countBins(lengths: readonly number[]): LengthBin[] {
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  const bins: LengthBin[] = [];
  let from = 0;
  for (const to of bounds()) {
    bins.push({ from, to, rows: 0 });
    from = to;
    if (to > longest) break;
  }
  for (const length of lengths) bins.find(({ to }) => length < to)!.rows++;
  return bins.slice(bins.findIndex(({ rows }) => rows > 0));
}

/**
 * What limits would cost: powers of two, from 256 (or where rows are shorter, from an eighth of the longest), to the
 * first that costs nothing; the config's own limit; and the model's positions, which none may exceed.
 */
export function costsOf(
  rows: readonly RowLengths[],
  { maxLength, positions, longest }: { maxLength: number; positions: number; longest: number },
): LengthCost[] {
  const enough = 2 ** Math.ceil(Math.log2(Math.max(2, longest)));
  const limits = new Set([maxLength]);
  for (let limit = longest > 256 ? 256 : Math.max(2, enough / 8); limit <= Math.min(enough, positions); limit *= 2) {
    limits.add(limit);
  }
  if (longest > positions) limits.add(positions);
  return [...limits].sort((a, b) => a - b).map((limit) => costOf(rows, limit));
}

function costOf(rows: readonly RowLengths[], limit: number): LengthCost {
  let [dropped, cutRows, kept, all] = [0, 0, 0, 0];
  for (const { prompt, answers } of rows) {
    const fate = rowFate(prompt, answers, limit);
    if (fate.dropped !== null) dropped++;
    if (fate.cut > 0) cutRows++;
    for (const { ids } of answers) {
      all += ids.length;
      if (fate.dropped === null) kept += Math.min(ids.length, fate.room);
    }
  }
  return { maxLength: limit, dropped, cutRows, keptShare: all === 0 ? 1 : kept / all };
}
