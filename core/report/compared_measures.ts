/** What runs are compared by, as charts: measures over iterations, and over steps. @module */
import type { Chart } from "./chart.ts";
import { titleOf } from "./measures.ts";

/** A measure as a chart of one line a run. */
export interface ComparedMeasure extends Omit<Chart, "xLabel" | "series"> {
  /** Its name in the summary, or in metrics.jsonl. */
  key: string;
  /** How to read it, in a sentence. */
  reading: string;
}

/** Measures over iterations, the most telling first. */
export const BY_ITERATION: readonly ComparedMeasure[] = [
  {
    key: "sampled_score",
    title: titleOf("sampled_score"),
    yLabel: "mean score",
    reading: "Higher is better. Runs compare only where their verifier and their held-out rows are the same.",
  },
  {
    key: "greedy_score",
    title: titleOf("greedy_score"),
    yLabel: "mean score",
    reading: "The same with the likeliest token each time.",
  },
  {
    key: "sampled",
    title: titleOf("sampled"),
    yLabel: "share of held-out prompts",
    share: true,
    reading: "Higher is better. Runs compare only where their held-out rows are the same.",
  },
  {
    key: "greedy",
    title: titleOf("greedy"),
    yLabel: "share of held-out prompts",
    share: true,
    reading: "The same with the likeliest token each time.",
  },
  {
    key: "eval_loss",
    title: titleOf("eval_loss"),
    yLabel: "nats per token",
    reading: "Lower is nearer to the human answers.",
  },
  {
    key: "generated_chosen",
    title: titleOf("generated_chosen"),
    yLabel: "share of pairs",
    share: true,
    levels: [{ y: 0.5, label: "even" }],
    reading: "How often the judge prefers the generated answer. Judges differ between runs.",
  },
];

/** Measures over steps. */
export const BY_STEP: readonly ComparedMeasure[] = [
  {
    key: "loss",
    title: titleOf("loss"),
    yLabel: "nats",
    reading: "Each break is a new iteration. Losses of other kinds do not compare.",
  },
  {
    key: "rewards/margins",
    title: titleOf("rewards_margins"),
    yLabel: "β · log-ratio",
    reading: "Chosen less rejected; it scales with beta.",
  },
];
