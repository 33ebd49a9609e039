/** summary.json: the numbers of each iteration, from the run's files. @module */
import { readLines } from "../files/json_lines.ts";
import { runPaths } from "../run/run_paths.ts";
import type { Evaluation } from "./evaluate_stage.ts";

/** One iteration's numbers; −1 is the start. What was not measured is absent. */
export interface IterationSummary {
  iteration: number;
  /** Share of right answers on held-out prompts, at temperature 0 and with the config's sampling settings. */
  greedy?: number;
  sampled?: number;
  /** Token-mean cross-entropy of the held-out responses, in nats. */
  eval_loss?: number;
  /** Share of the pairs whose chosen answer is the generated one. */
  generated_chosen?: number;
  pairs?: number;
  ties?: number;
  identical?: number;
  /** Mean scores of both sides; mean tokens of answers scored higher and lower, and of chosen and rejected ones. */
  score_human?: number;
  score_generated?: number;
  length_winner?: number;
  length_loser?: number;
  length_chosen?: number;
  length_rejected?: number;
  /** Pairs on which the judge, asked in both orders, contradicted itself; replies that are not a verdict. */
  order_disagreements?: number;
  invalid?: number;
  /** What the judge's tokens cost, by the config's prices. */
  cost?: number;
  /** Mean share of equal votes, and mean Cohen's kappa, of an ensemble's judges. */
  agreement?: number;
  kappa?: number;
  /** Mean tokens of a generated answer, and answers cut at max_new_tokens. */
  generation_length?: number;
  truncated?: number;
  /** Optimizer steps, and means over the iteration's logged lines. */
  steps?: number;
  loss?: number;
  noise_loss?: number;
  noise_variance?: number;
  rewards_margins?: number;
  rewards_accuracies?: number;
}

/** What summary.json holds. */
export interface RunSummary {
  iterations: IterationSummary[];
  /** Folder of the run's final model. */
  model: string;
}

const STAGE_KEYS = {
  "labels/generated_chosen": "generated_chosen",
  "labels/pairs": "pairs",
  "labels/ties": "ties",
  "labels/identical": "identical",
  "labels/score_human": "score_human",
  "labels/score_generated": "score_generated",
  "labels/length_winner": "length_winner",
  "labels/length_loser": "length_loser",
  "labels/length_chosen": "length_chosen",
  "labels/length_rejected": "length_rejected",
  "labels/order_disagreements": "order_disagreements",
  "labels/invalid": "invalid",
  "labels/cost": "cost",
  "labels/agreement": "agreement",
  "labels/kappa": "kappa",
  "generation/length": "generation_length",
  "generation/truncated": "truncated",
} as const;

const STEP_KEYS = {
  loss: "loss",
  "noise/loss": "noise_loss",
  "noise/variance": "noise_variance",
  "rewards/margins": "rewards_margins",
  "rewards/accuracies": "rewards_accuracies",
} as const;

/** Summarizes iterations −1 to `last` from metrics.jsonl and the evaluations. */
export async function summarizeRun(
  folder: string,
  { evaluations, last }: { evaluations: ReadonlyMap<number, Evaluation>; last: number },
): Promise<RunSummary> {
  const { metrics, model } = runPaths(folder);
  const lines = (await readLines(metrics)).lines.map(({ line }) => line);
  const iterations: IterationSummary[] = [];
  for (let iteration = -1; iteration <= last; iteration++) {
    const summary: IterationSummary = { iteration };
    const evaluation = evaluations.get(iteration);
    if (evaluation) {
      if (evaluation.greedy !== undefined) summary.greedy = evaluation.greedy;
      if (evaluation.sampled !== undefined) summary.sampled = evaluation.sampled;
      summary.eval_loss = evaluation.loss;
    }
    const own = lines.filter((line) => line.iteration === iteration);
    for (const [key, name] of Object.entries(STAGE_KEYS)) {
      const value = own.find((line) => line[key] !== undefined)?.[key];
      if (typeof value === "number") summary[name] = value;
    }
    const steps = own.filter((line) => line.step !== undefined);
    if (steps.length > 0) summary.steps = Number(steps.at(-1)!.step);
    for (const [key, name] of Object.entries(STEP_KEYS)) {
      const values = steps.map((line) => line[key]).filter((value) => typeof value === "number");
      if (values.length > 0) summary[name] = values.reduce((a, b) => a + b, 0) / values.length;
    }
    iterations.push(summary);
  }
  return { iterations, model };
}
