/** The metrics of lm-eval that are computed here (0.4.13, `lm_eval/api/metrics.py`). @module */
import type { MetricConfig, OutputType, TaskConfig } from "./task_config.ts";
import { outputTypeOf } from "./task_config.ts";

/** How the values of documents become one. */
export const AGGREGATIONS = [
  "mean",
  "median",
  "nanmean",
  "perplexity",
  "weighted_perplexity",
  "bits_per_byte",
] as const;

/** IFEval's function: the mean over all values of all documents. */
export const OF_INSTRUCTIONS = "!function utils.agg_inst_level_acc";

/** One of {@linkcode AGGREGATIONS}, or a task's own. */
export type Aggregation = typeof AGGREGATIONS[number] | typeof OF_INSTRUCTIONS;

interface MetricFacts {
  readonly aggregation: Aggregation;
  readonly higherIsBetter: boolean;
  readonly of: readonly OutputType[];
}

/** The metrics by name, with what holds where a task does not say otherwise. */
export const METRICS: Readonly<Record<string, MetricFacts>> = {
  acc: { aggregation: "mean", higherIsBetter: true, of: ["multiple_choice", "loglikelihood"] },
  acc_norm: { aggregation: "mean", higherIsBetter: true, of: ["multiple_choice"] },
  acc_bytes: { aggregation: "mean", higherIsBetter: true, of: ["multiple_choice"] },
  acc_mutual_info: { aggregation: "mean", higherIsBetter: true, of: ["multiple_choice"] },
  exact_match: { aggregation: "mean", higherIsBetter: true, of: ["generate_until", "multiple_choice"] },
  perplexity: { aggregation: "perplexity", higherIsBetter: false, of: ["loglikelihood"] },
  word_perplexity: { aggregation: "weighted_perplexity", higherIsBetter: false, of: ["loglikelihood_rolling"] },
  byte_perplexity: { aggregation: "weighted_perplexity", higherIsBetter: false, of: ["loglikelihood_rolling"] },
  bits_per_byte: { aggregation: "bits_per_byte", higherIsBetter: false, of: ["loglikelihood_rolling"] },
  // lm-eval has no perplexity per token.
  token_perplexity: { aggregation: "weighted_perplexity", higherIsBetter: false, of: ["loglikelihood_rolling"] },
};

/** lm-eval's metrics of a task that names none. */
const DEFAULTS: Readonly<Record<OutputType, readonly string[]>> = {
  multiple_choice: ["acc", "acc_norm"],
  generate_until: ["exact_match"],
  loglikelihood: ["perplexity", "acc"],
  loglikelihood_rolling: ["word_perplexity", "byte_perplexity", "bits_per_byte"],
};

/** A metric of a task, with all of its settings. */
export interface Metric {
  readonly name: string;
  readonly aggregation: Aggregation;
  readonly higherIsBetter: boolean;
  readonly settings: MetricConfig;
}

/** The metrics of a task, in its order. */
export function metricsOf(config: TaskConfig): Metric[] {
  const list = config.metric_list ?? DEFAULTS[outputTypeOf(config)].map((metric): MetricConfig => ({ metric }));
  return list.map((settings) => {
    // A task with a function of its own for results names metrics of its own, with all of their settings.
    const facts = METRICS[settings.metric];
    return {
      name: settings.metric,
      aggregation: (settings.aggregation ?? facts!.aggregation) as Aggregation,
      higherIsBetter: settings.higher_is_better ?? facts!.higherIsBetter,
      settings,
    };
  });
}
