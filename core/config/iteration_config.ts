/** The settings that one iteration or one stage takes from a resolved config. @module */
import { UserError } from "../error.ts";
import type { IterationConfig, LabelsConfig, NoiseSetting, ResolvedConfig, Stage } from "./config_types.ts";
import { judgesOf, keyMissingOf } from "./judge_config.ts";
import { entryOf } from "./per_iteration.ts";

/** The settings of an iteration (from 0), without lists: entry `iteration` of each list, or its last entry. */
export function forIteration(config: ResolvedConfig, iteration: number): IterationConfig {
  const { training } = config;
  return {
    ...config,
    iteration,
    labels: entryOf(config.labels, iteration),
    training: {
      ...training,
      learning_rate: entryOf(training.learning_rate, iteration),
      beta: entryOf(training.beta, iteration),
    },
    noise: trainedNoise(entryOf(config.noise, iteration)),
  };
}

function trainedNoise(noise: NoiseSetting): IterationConfig["noise"] {
  if (noise === "none" || noise.update === "none") return "none";
  return { ...noise, update: noise.update };
}

/** The settings of supervised fine-tuning with a config of any method: cross-entropy on human responses, no noise. */
export function forSft(config: ResolvedConfig): IterationConfig {
  const settings = forIteration(config, config.iteration);
  return {
    ...settings,
    method: "sft",
    training: { ...settings.training, loss_type: "sft", label_smoothing: 0 },
    labels: { judge: "human", verifier_timeout: settings.labels.verifier_timeout, margin: 0 },
    noise: "none",
  };
}

const NEEDED: Record<Stage, readonly ("model" | "pairs" | "data.train")[]> = {
  sft: ["model", "data.train"],
  generate: ["model", "data.train"],
  label: [],
  optimize: ["model", "pairs"],
  train: ["model", "data.train"],
  score: ["model", "pairs"],
  compare: [],
};

/** Throws a UserError naming the first key that the stage needs and the config lacks. */
export function requireFor(stage: Stage, config: ResolvedConfig): void {
  const missing = NEEDED[stage].find((key) =>
    key === "data.train" ? config.data.train === undefined : config[key] === undefined
  );
  if (missing) throw missingKey(stage, missing);
  if (stage !== "label" && stage !== "train" && stage !== "compare") return;
  const [first, end] = stage === "train" ? [0, config.iterations] : [config.iteration, config.iteration + 1];
  // A list repeats its last entry, which need not be checked again.
  const listed = Array.isArray(config.labels) ? config.labels.length : 1;
  for (let iteration = first; iteration < Math.min(end, Math.max(listed, first + 1)); iteration++) {
    const labels = entryOf(config.labels, iteration);
    const place = Array.isArray(config.labels) ? `labels.${Math.min(iteration, listed - 1)}` : "labels";
    requireForJudge(stage, labels, place);
    if (labels.judge !== "ensemble") continue;
    judgesOf(labels).forEach((judge, i) => requireForJudge(stage, judge, `${place}.judges.${i}`));
  }
}

function requireForJudge(stage: Stage, labels: LabelsConfig, place: string): void {
  const key = keyMissingOf(labels);
  if (key !== undefined) throw missingKey(stage, `${place}.${key}`, `, which judge ${labels.judge} needs,`);
}

function missingKey(stage: Stage, key: string, why = ""): UserError {
  return new UserError(`Cannot run ${stage}: "${key}"${why} is not set; set it in the config or with --set ${key}=…`);
}
