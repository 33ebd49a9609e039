/** summary.json: the numbers of each iteration, from the run's files. @module */
import type { BenchmarkMetric, ResolvedConfig } from "../config/config_types.ts";
import { readLines } from "../files/json_lines.ts";
import { readChecksums } from "../run/checksum_record.ts";
import { runPaths } from "../run/run_paths.ts";
import { PAIR_MEASURES, type PairMeasures } from "../train/held_out.ts";
import { type BestIteration, bestIteration } from "./best_iteration.ts";
import type { Evaluation } from "./evaluate_stage.ts";
import type { Measured } from "./measured.ts";

/** One iteration's numbers. What was not measured is absent. */
export interface IterationSummary {
  /** From 0; −1 is the model at the start. */
  iteration: number;
  /** A number of a benchmark by `TASK/METRIC`, and by `TASK/METRIC_stderr` its standard error. */
  [benchmark: BenchmarkMetric]: number;
  /** Share of right answers on held-out prompts, those with a score of 1 or more, at temperature 0. */
  greedy?: number;
  /** The verifier's mean score on held-out prompts, at temperature 0. */
  greedy_score?: number;
  /** Its standard error over the prompts, with n − 1 in the deviation; absent for one prompt. */
  greedy_score_stderr?: number;
  /** Share of right answers on held-out prompts, with the config's sampling settings. */
  sampled?: number;
  /** The verifier's mean score on held-out prompts, with the config's sampling settings. */
  sampled_score?: number;
  /** Its standard error. */
  sampled_score_stderr?: number;
  /** The lowest of these scores. */
  score_min?: number;
  /** The highest of them. */
  score_max?: number;
  /** Token-mean cross-entropy of the held-out responses, in nats. */
  eval_loss?: number;
  /** Held-out rows that these were measured on. */
  eval_rows?: number;
  /** Held-out pairs; what follows are TRL's measures of them, against the model that the run began with. */
  eval_pairs?: number;
  /** The loss on them, without noise. */
  eval_preference_loss?: number;
  /** Share of them whose chosen answer has the higher implicit reward. */
  eval_rewards_accuracies?: number;
  /** Lead of their chosen answers in implicit reward. */
  eval_rewards_margins?: number;
  /** Implicit reward of their chosen answers. */
  eval_rewards_chosen?: number;
  /** Implicit reward of their rejected answers. */
  eval_rewards_rejected?: number;
  /** Log-probability of their chosen answers. */
  eval_logps_chosen?: number;
  /** Log-probability of their rejected answers. */
  eval_logps_rejected?: number;
  /** Share of the pairs whose chosen answer is the generated one. */
  generated_chosen?: number;
  /** Pairs that were made. */
  pairs?: number;
  /** Pairs whose answers have equal scores. */
  ties?: number;
  /** Rows left out because both answers are the same. */
  identical?: number;
  /** Mean score of the human answers. */
  score_human?: number;
  /** Mean score of the generated answers. */
  score_generated?: number;
  /** Mean tokens of the answers that the judge scored higher. */
  length_winner?: number;
  /** Mean tokens of the answers that it scored lower. */
  length_loser?: number;
  /** Mean tokens of the chosen answers. */
  length_chosen?: number;
  /** Mean tokens of the rejected answers. */
  length_rejected?: number;
  /** Pairs on which the judge, asked in both orders, contradicted itself. */
  order_disagreements?: number;
  /** Replies of the judge that are no verdict. */
  invalid?: number;
  /** What the judge's tokens cost, by the config's prices. */
  cost?: number;
  /** Mean share of equal votes of an ensemble's judges. */
  agreement?: number;
  /** Mean Cohen's kappa of an ensemble's judges. */
  kappa?: number;
  /** Mean tokens of a generated answer. */
  generation_length?: number;
  /** Generated answers that were cut at max_new_tokens. */
  truncated?: number;
  /** Optimizer steps. What follows are means over the iteration's logged lines. */
  steps?: number;
  /** Loss of the model. */
  loss?: number;
  /** Loss of the noise generator. */
  noise_loss?: number;
  /** Variance of the noise. */
  noise_variance?: number;
  /** Lead of the chosen response in implicit reward. */
  rewards_margins?: number;
  /** Share of the pairs whose chosen response has the higher implicit reward. */
  rewards_accuracies?: number;
}

/** What summary.json holds. */
export interface RunSummary {
  /** One entry for each iteration, from −1 on. */
  iterations: IterationSummary[];
  /** Folder of the run's final model, or of its adapter if only that is handed out. */
  model: string;
  /** The iteration that is handed out as the best so far; absent unless training.load_best_model_at_end is on. */
  best?: BestIteration;
  /** Where training.early_stopping_patience ended the run before its last iteration; absent if it did not. */
  stopped_early?: EarlyStop;
  /** Files of rows, by their paths in the folder, that were changed by hand after the run wrote them; absent if none. */
  edited?: string[];
}

/** How a run ended before its last iteration. */
export interface EarlyStop {
  /** The iteration after which it ended. */
  iteration: number;
  /** The iterations one after the other that were no better than the best before them. */
  patience: number;
}

/** The text of summary.json. */
export function summaryText(summary: RunSummary): string {
  return JSON.stringify(summary, null, 2) + "\n";
}

/** What an evaluation has of a verifier, under the summary's own names. */
const VERIFIED_KEYS = [
  "greedy",
  "greedy_score",
  "greedy_score_stderr",
  "sampled",
  "sampled_score",
  "sampled_score_stderr",
  "score_min",
  "score_max",
] as const satisfies readonly (keyof Evaluation & keyof IterationSummary)[];

/** The summary's names of the measures of held-out pairs. */
export const PAIR_KEYS = {
  preference_loss: "eval_preference_loss",
  "rewards/chosen": "eval_rewards_chosen",
  "rewards/rejected": "eval_rewards_rejected",
  "rewards/accuracies": "eval_rewards_accuracies",
  "rewards/margins": "eval_rewards_margins",
  "logps/chosen": "eval_logps_chosen",
  "logps/rejected": "eval_logps_rejected",
} as const satisfies Record<keyof PairMeasures, keyof IterationSummary>;

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

/**
 * Summarizes iterations −1 to `last` from metrics.jsonl and what was measured; `model` is the folder that is handed out,
 * and `isStopped` says whether the run ends early after `last`.
 */
export async function summarizeRun(
  config: Pick<ResolvedConfig, "output_dir" | "training">,
  { model, measured, last, isStopped = false }: {
    model: string;
    measured: Measured;
    last: number;
    isStopped?: boolean;
  },
): Promise<RunSummary> {
  const { metrics, checksums } = runPaths(config.output_dir);
  const lines = (await readLines(metrics)).lines.map(({ line }) => line);
  const iterations: IterationSummary[] = [];
  for (let iteration = -1; iteration <= last; iteration++) {
    const summary: IterationSummary = { iteration };
    const evaluation = measured.evaluations.get(iteration);
    if (evaluation) {
      for (const key of VERIFIED_KEYS) if (evaluation[key] !== undefined) summary[key] = evaluation[key];
      summary.eval_loss = evaluation.loss;
      summary.eval_rows = evaluation.rows;
      if (evaluation.pairs !== undefined) summary.eval_pairs = evaluation.pairs;
      for (const key of PAIR_MEASURES) {
        if (evaluation[key] !== undefined) summary[PAIR_KEYS[key]] = evaluation[key];
      }
    }
    Object.assign(summary, measured.benchmarks.get(iteration)?.metrics);
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
  const edited = Object.keys((await readChecksums(checksums))?.edited ?? {}).sort();
  const best = bestIteration(config, measured);
  const patience = config.training.early_stopping_patience;
  return {
    iterations,
    model,
    ...(best !== null && { best }),
    ...(isStopped && patience !== undefined && { stopped_early: { iteration: last, patience } }),
    ...(edited.length > 0 && { edited }),
  };
}
