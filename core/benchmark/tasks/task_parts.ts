/** What several tasks share. @module */
import type { MetricConfig } from "../task_config.ts";

/** Accuracy, as a mean. */
export const ACCURACY: readonly MetricConfig[] = [{ metric: "acc", aggregation: "mean", higher_is_better: true }];

/** Accuracy, and accuracy by log-likelihood per character. */
export const ACCURACIES: readonly MetricConfig[] = [
  ...ACCURACY,
  { metric: "acc_norm", aggregation: "mean", higher_is_better: true },
];
