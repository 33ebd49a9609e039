/** Which iteration was the best, and whether it pays to go on: transformers' rules, with iterations as its evaluations. @module */
import type { BenchmarkMetric, BestMetric, ResolvedConfig } from "../config/config_types.ts";
import type { Evaluation } from "./evaluate_stage.ts";
import type { Measured } from "./measured.ts";

/** The iteration whose model is handed out as the best one. */
export interface BestIteration {
  /** From 0: the model at the start is no candidate. */
  iteration: number;
  /** What it was chosen by. */
  metric: BestMetric | BenchmarkMetric;
  /** Its value. */
  value: number;
}

type Settings = Pick<ResolvedConfig, "training">;

/** What tells a config's iterations better or worse. */
export function metricOf(
  { training: { metric_for_best_model: metric = "eval_loss" } }: Settings,
): BestMetric | BenchmarkMetric {
  return metric;
}

/** The evaluation's own names. */
const KEYS = {
  eval_loss: "loss",
  sampled: "sampled",
  greedy: "greedy",
  sampled_score: "sampled_score",
  greedy_score: "greedy_score",
  eval_preference_loss: "preference_loss",
  eval_rewards_chosen: "rewards/chosen",
  eval_rewards_rejected: "rewards/rejected",
  eval_rewards_accuracies: "rewards/accuracies",
  eval_rewards_margins: "rewards/margins",
  eval_logps_chosen: "logps/chosen",
  eval_logps_rejected: "logps/rejected",
} as const satisfies Record<BestMetric, keyof Evaluation>;

/** Whether a metric is one of a benchmark. */
export function isBenchmarkMetric(metric: BestMetric | BenchmarkMetric): metric is BenchmarkMetric {
  return metric.includes("/");
}

/** An iteration's number by the summary's name; undefined if it was not measured, NaN of what is not finite. */
function valueOf(
  { evaluations, benchmarks }: Measured,
  { iteration, metric }: { iteration: number; metric: BestMetric | BenchmarkMetric },
): number | undefined {
  if (isBenchmarkMetric(metric)) {
    const record = benchmarks.get(iteration);
    // What is no number, such as the logarithm of 0, is left out of what benchmarks gave.
    return record === undefined ? undefined : record.metrics[metric] ?? NaN;
  }
  const value = evaluations.get(iteration)?.[KEYS[metric]];
  // A file holds no Infinity, and a run that goes on reads a NaN in its place.
  return value === undefined || Number.isFinite(value) ? value : NaN;
}

/** Whether value `a` is better than `b`. A NaN is never better, and any number is better than none. */
function comparison(
  { training }: Settings,
  { metric, benchmarks }: Pick<Measured, "benchmarks"> & { metric: BestMetric | BenchmarkMetric },
): (a: number, b: number | null) => boolean {
  const ofTask = isBenchmarkMetric(metric)
    ? [...benchmarks.values()].map(({ higher_is_better: better }) => better[metric]).find((is) => is !== undefined)
    : undefined;
  const isGreaterBetter = training.greater_is_better ?? ofTask ?? !metric.endsWith("loss");
  return (a, b) => !Number.isNaN(a) && (b === null || (isGreaterBetter ? a > b : a < b));
}

/** The values of the iterations from 0 on, in order. */
function valuesOf(
  measured: Measured,
  metric: BestMetric | BenchmarkMetric,
): { iteration: number; value: number }[] {
  const iterations = [...measured.evaluations.keys(), ...measured.benchmarks.keys()];
  return [...new Set(iterations)].sort((a, b) => a - b).flatMap((iteration) => {
    const value = valueOf(measured, { iteration, metric });
    return iteration < 0 || value === undefined ? [] : [{ iteration, value }];
  });
}

/** The iterations that were measured without the number that tells the best, as an earlier version of the program did. */
export function unmeasured(config: Settings, measured: Measured): number[] {
  const known = new Set(valuesOf(measured, metricOf(config)).map(({ iteration }) => iteration));
  return [...new Set([...measured.evaluations.keys(), ...measured.benchmarks.keys()])]
    .filter((iteration) => iteration >= 0 && !known.has(iteration)).sort((a, b) => a - b);
}

/** The best of the iterations that were evaluated, the first of equal ones; null where none has a number. */
function bestOf(config: Settings, measured: Measured): BestIteration | null {
  const metric = metricOf(config);
  const isBetter = comparison(config, { ...measured, metric });
  let best: BestIteration | null = null;
  for (const { iteration, value } of valuesOf(measured, metric)) {
    if (isBetter(value, best?.value ?? null)) best = { iteration, metric, value };
  }
  return best;
}

/** The iteration to hand out by `training.load_best_model_at_end`; null if that is off, or none has a number. */
export function bestIteration(config: Settings, measured: Measured): BestIteration | null {
  return config.training.load_best_model_at_end ? bestOf(config, measured) : null;
}

/** The value of the model at the start, if that was better than the best iteration; else null. */
export function betterStart(config: Settings, measured: Measured, best: BestIteration): number | null {
  const { metric } = best;
  const value = valueOf(measured, { iteration: -1, metric });
  return value !== undefined && comparison(config, { ...measured, metric })(value, best.value) ? value : null;
}

/**
 * Whether the iterations that were evaluated end the run by `training.early_stopping_patience`: the last so many were no
 * better than the best before them. It is the rule of transformers' EarlyStoppingCallback with a threshold of 0.
 */
export function isPatienceOver(config: Settings, measured: Measured): boolean {
  const { early_stopping_patience: patience } = config.training;
  if (patience === undefined) return false;
  const metric = metricOf(config);
  const isBetter = comparison(config, { ...measured, metric });
  let best: number | null = null;
  let worse = 0;
  for (const [i, { value }] of valuesOf(measured, metric).entries()) {
    const improves = isBetter(value, best);
    // There, the first evaluation never counts, whatever it is.
    worse = improves || i === 0 ? 0 : worse + 1;
    if (improves) best = value;
  }
  return worse >= patience;
}
