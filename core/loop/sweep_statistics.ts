/** Means and errors over the seeds of a sweep. @module */
import { type Mean, meanOf } from "../evaluate/seed_means.ts";
import { idleScoreKeys } from "../run/telling_scores.ts";
import type { IterationSummary } from "./run_summary.ts";
import type { SweepRun } from "./sweep.ts";

/** A variant at its start or after an iteration. */
export interface SweepRow {
  variant: string;
  /** From 0; −1 is the start. */
  iteration: number;
  /** By the summary's keys; a key that no seed has is absent, and of a verifier's numbers those that tell nothing. */
  values: Partial<Record<keyof IterationSummary, Mean>>;
}

/** Each variant, in the order of its first run, at the start if it was measured, and after each iteration. */
export function sweepRows(runs: readonly SweepRun[]): SweepRow[] {
  const idle = idleScoreKeys(runs.flatMap(({ iterations }) => iterations.map((summary) => ({ ...summary }))));
  return [...Map.groupBy(runs, ({ variant }) => variant)].flatMap(([variant, own]) => {
    const summaries = Map.groupBy(own.flatMap(({ iterations }) => iterations), ({ iteration }) => iteration);
    return [...summaries].sort(([a], [b]) => a - b).map(([iteration, of]): SweepRow => {
      const keys = [...new Set(of.flatMap((summary) => Object.keys(summary)))].filter((key) =>
        key !== "iteration" && !idle.has(key)
      );
      const values = keys.map((key) =>
        [key, meanOf(of.flatMap((summary) => summary[key as keyof IterationSummary] ?? []))] as const
      );
      return { variant, iteration, values: Object.fromEntries(values) };
    }).filter(({ values }) => Object.keys(values).length > 0);
  });
}
