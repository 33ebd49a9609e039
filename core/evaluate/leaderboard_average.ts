/** The one number of the first Open LLM Leaderboard, which DNPO's paper reports of each iteration. @module */

import { numberName } from "../benchmark/benchmark_numbers.ts";

/** The metric of each of the six tasks; of GSM8K's two filters it is the strict one. */
const METRICS: Readonly<Record<string, string>> = {
  arc_challenge: "acc_norm,none",
  hellaswag: "acc_norm,none",
  truthfulqa_mc2: "acc,none",
  mmlu: "acc,none",
  winogrande: "acc,none",
  gsm8k: "exact_match,strict-match",
};

/** Whether numbers, by `TASK/METRIC`, are those of all six tasks, so that they have an average. */
export function hasLeaderboardAverage(names: readonly string[]): boolean {
  return Object.entries(METRICS).every(([task, metric]) => names.includes(numberName(task, metric)));
}

/** A mean of tasks. */
export interface LeaderboardAverage {
  value: number;
  /** sqrt(Σ se²) / 6, as of independent tasks; null where a task has no error. */
  stderr: number | null;
}

/** The unweighted mean of the six tasks; null if one of them is not among the results. */
export function leaderboardAverage(
  results: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
): LeaderboardAverage | null {
  const parts = Object.entries(METRICS).map(([task, metric]) => {
    const [name, filter] = metric.split(",");
    return { value: results[task]?.[metric], stderr: results[task]?.[`${name}_stderr,${filter}`] };
  });
  const values = parts.map(({ value }) => value).filter((value) => typeof value === "number");
  if (values.length < parts.length) return null;
  const errors = parts.map(({ stderr }) => stderr).filter((stderr) => typeof stderr === "number");
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
  return {
    value: sum(values) / values.length,
    stderr: errors.length < parts.length ? null : Math.sqrt(sum(errors.map((error) => error ** 2))) / errors.length,
  };
}
