/** Where a run's files lie. @module */
import { join } from "node:path";

/** The files of one iteration, or of a stage that runs alone. */
export interface StagePaths {
  /** responses.jsonl, the part of it that is there while generating, and the settings they are made with. */
  readonly responses: string;
  readonly partialResponses: string;
  readonly generation: string;
  readonly pairs: string;
  /** The reference's log-probabilities of the pairs. */
  readonly reference: string;
  readonly model: string;
  /** Folder of the states that a stopped stage goes on from. */
  readonly state: string;
  readonly evaluation: string;
}

/** The files of iteration `k` of the run in `folder`. */
export function iterationPaths(folder: string, k: number): StagePaths {
  return stagePaths(join(folder, `iteration-${k}`));
}

/** The files of a stage that works in `folder` itself. */
export function stagePaths(folder: string): StagePaths {
  return {
    responses: join(folder, "responses.jsonl"),
    partialResponses: join(folder, "responses.partial.jsonl"),
    generation: join(folder, "generation.json"),
    pairs: join(folder, "pairs.jsonl"),
    reference: join(folder, "reference_logps.safetensors"),
    model: join(folder, "model"),
    state: join(folder, "state"),
    evaluation: join(folder, "evaluation.json"),
  };
}

/** The run's own files. */
export function runPaths(
  folder: string,
): {
  metrics: string;
  timings: string;
  summary: string;
  model: string;
  noise: string;
  replies: string;
  tensorboard: string;
} {
  return {
    metrics: join(folder, "metrics.jsonl"),
    timings: join(folder, "timings.jsonl"),
    summary: join(folder, "summary.json"),
    model: join(folder, "model"),
    noise: join(folder, "noise.safetensors"),
    // What judging servers have answered: of all iterations, as human answers come again in each.
    replies: join(folder, "judge_replies.jsonl"),
    tensorboard: join(folder, "tensorboard"),
  };
}
