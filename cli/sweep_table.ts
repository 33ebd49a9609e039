/** The table of a sweep. @module */
import { mainNumbers } from "../core/benchmark/benchmark_numbers.ts";
import type { Mean } from "../core/evaluate/seed_means.ts";
import type { IterationSummary } from "../core/loop/run_summary.ts";
import type { SweepRow } from "../core/loop/sweep_statistics.ts";
import { measureOf } from "../core/report/measures.ts";
import { percent } from "../core/values.ts";
import { formatTable } from "./text_table.ts";

/** What a sweep is made for: how good the models are, what their labels were, and how they trained. */
const SHOWN: readonly (keyof IterationSummary)[] = [
  "sampled_score",
  "greedy_score",
  "sampled",
  "greedy",
  "eval_loss",
  "eval_rewards_accuracies",
  "eval_rewards_margins",
  "generated_chosen",
  "loss",
  "noise_loss",
  "rewards_margins",
];

/** A line for each variant at its start and after its last iteration, or after all of them with `all`. */
export function sweepTable(
  rows: readonly SweepRow[],
  { all = false, columns = Infinity }: { all?: boolean; columns?: number } = {},
): string {
  const last = new Map(rows.map(({ variant, iteration }) => [variant, iteration]));
  const shown = rows.filter(({ variant, iteration }) => all || iteration === -1 || iteration === last.get(variant));
  const benchmarks = mainNumbers(shown.flatMap(({ values }) => Object.keys(values)));
  const keys = [...benchmarks, ...SHOWN].filter((key) => shown.some(({ values }) => values[key] !== undefined));
  return formatTable(
    ["variant", "after", "seeds", ...keys.map((key) => measureOf(key).name)],
    shown.map(({ variant, iteration, values }) => [
      variant === "" ? "the config" : variant,
      iteration === -1 ? "start" : `iteration ${iteration}`,
      Math.max(...Object.values(values).map((mean) => mean?.n ?? 0)),
      ...keys.map((key) => values[key] === undefined ? "" : formatMean(values[key], measureOf(key).kind === "share")),
    ]),
    { text: [0, 1], columns },
  );
}

/** `mean ± standard error`; shares in percent. */
function formatMean({ mean, stderr }: Mean, isShare: boolean): string {
  const format = (value: number): string => isShare ? percent(value) : value.toFixed(4);
  return `${format(mean)}${stderr === null ? "" : ` ± ${format(stderr)}`}${isShare ? " %" : ""}`;
}
