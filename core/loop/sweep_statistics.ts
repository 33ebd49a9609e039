/** Means and errors over the seeds of a sweep. @module */
import type { IterationSummary } from "./run_summary.ts";
import type { SweepRun } from "./sweep.ts";

/** A number over several seeds. */
export interface Mean {
  mean: number;
  /** Standard error of the mean, sd / sqrt(n) with n − 1 in sd; null for one seed. */
  stderr: number | null;
  /** Seeds that have the number. */
  n: number;
}

/** A variant at its start or after an iteration. */
export interface SweepRow {
  variant: string;
  /** From 0; −1 is the start. */
  iteration: number;
  /** By the summary's keys; a key that no seed has is absent. */
  values: Partial<Record<keyof IterationSummary, Mean>>;
}

/** Mean and standard error of `values`, of which there is at least one. */
export function meanOf(values: readonly number[]): Mean {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  return { mean, stderr: n > 1 ? Math.sqrt(variance / n) : null, n };
}

/** Each variant, in the order of its first run, at the start if it was measured, and after each iteration. */
export function sweepRows(runs: readonly SweepRun[]): SweepRow[] {
  return [...Map.groupBy(runs, ({ variant }) => variant)].flatMap(([variant, own]) => {
    const summaries = Map.groupBy(own.flatMap(({ iterations }) => iterations), ({ iteration }) => iteration);
    return [...summaries].sort(([a], [b]) => a - b).map(([iteration, of]): SweepRow => {
      const keys = [...new Set(of.flatMap((summary) => Object.keys(summary)))].filter((key) => key !== "iteration");
      const values = keys.map((key) =>
        [key, meanOf(of.flatMap((summary) => summary[key as keyof IterationSummary] ?? []))] as const
      );
      return { variant, iteration, values: Object.fromEntries(values) };
    }).filter(({ values }) => Object.keys(values).length > 0);
  });
}
