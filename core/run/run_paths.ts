/** The paths of a run's files. @module */
import { join } from "../files/path.ts";

/** The files of one iteration, or of a stage that runs alone. */
export interface StagePaths {
  /** The answers; those that are there while generating; and the settings that they are made with. */
  readonly responses: string;
  readonly partialResponses: string;
  readonly generation: string;
  /** The SHA-256 of each row that is there while generating. */
  readonly partialSums: string;
  /** The labelled answers, and the settings that they are labelled with. */
  readonly pairs: string;
  readonly labels: string;
  /** The reference's log-probabilities of the pairs. */
  readonly reference: string;
  /** Folder of the trained model. */
  readonly model: string;
  /** Folder of the trained adapter. */
  readonly adapter: string;
  /** Folder of the resume states, from which a stopped stage goes on. */
  readonly state: string;
  /** The evaluation of the model on held-out rows. */
  readonly evaluation: string;
  /** Folder of what benchmarks gave: results and samples as lm-evaluation-harness writes them. */
  readonly benchmarks: string;
  /** The numbers of those, written when all of them are there. */
  readonly benchmarkNumbers: string;
  /** The log-probabilities of held-out pairs under the reference that they are measured against. */
  readonly heldOutReference: string;
}

/** The files of iteration `k` of the run in `folder`. */
export function iterationPaths(folder: string, k: number): StagePaths {
  return stagePaths(join(folder, `iteration-${k}`));
}

/** The files of a stage that works in `folder` itself; the evaluation of a run's start lies there too. */
export function stagePaths(folder: string): StagePaths {
  return {
    responses: join(folder, "responses.jsonl"),
    partialResponses: join(folder, "responses.partial.jsonl"),
    partialSums: join(folder, "responses.partial.sha256"),
    generation: join(folder, "generation.json"),
    pairs: join(folder, "pairs.jsonl"),
    labels: join(folder, "labels.json"),
    reference: join(folder, "reference_logps.safetensors"),
    model: join(folder, "model"),
    adapter: join(folder, "adapter"),
    state: join(folder, "state"),
    evaluation: join(folder, "evaluation.json"),
    benchmarks: join(folder, "benchmarks"),
    benchmarkNumbers: join(folder, "benchmarks.json"),
    heldOutReference: join(folder, "held_out_logps.safetensors"),
  };
}

/** The run's own files. */
export interface RunPaths {
  /** The lock that the process working on the run holds. */
  readonly lock: string;
  /** The settings that the run began with. */
  readonly settings: string;
  /** What a training stage that ran alone was, and those of the settings that it read; a run of train has none. */
  readonly stage: string;
  /** The models and data sets of the hub that it began with. */
  readonly sources: string;
  /** The checksums of what its stages hand on. */
  readonly checksums: string;
  /** The kernel variants that it began with. */
  readonly kernels: string;
  readonly metrics: string;
  readonly timings: string;
  readonly summary: string;
  /** The report page with its figures. */
  readonly report: string;
  /** When processes worked on the run, on what, and what they noted. */
  readonly log: string;
  /** How far the process at work is; absent while there is none. */
  readonly progress: string;
  /** Asks the process at work to stop, as Ctrl-C does. */
  readonly stop: string;
  /** Folder of the run's final model. */
  readonly model: string;
  /** Folder of its final adapter. */
  readonly adapter: string;
  /** The noise generator of a stage that runs alone. */
  readonly noise: string;
  /** Replies of judging servers, of all iterations, since human answers come again in each. */
  readonly replies: string;
  /** Folder of event files. */
  readonly tensorboard: string;
  /** Who the run is to trackers, and the points that they are given. */
  readonly tracking: string;
  readonly trackingPoints: string;
}

/** The files of the run in `folder`. */
export function runPaths(folder: string): RunPaths {
  return {
    lock: join(folder, ".lock"),
    settings: join(folder, "config.yaml"),
    stage: join(folder, "stage.yaml"),
    sources: join(folder, "sources.json"),
    checksums: join(folder, "checksums.json"),
    kernels: join(folder, "kernels.json"),
    metrics: join(folder, "metrics.jsonl"),
    timings: join(folder, "timings.jsonl"),
    summary: join(folder, "summary.json"),
    report: join(folder, "report.html"),
    log: join(folder, "log.jsonl"),
    progress: join(folder, "progress.json"),
    stop: join(folder, ".stop"),
    model: join(folder, "model"),
    adapter: join(folder, "adapter"),
    noise: join(folder, "noise.safetensors"),
    replies: join(folder, "judge_replies.jsonl"),
    tensorboard: join(folder, "tensorboard"),
    tracking: join(folder, "tracking.json"),
    trackingPoints: join(folder, "tracking.jsonl"),
  };
}
