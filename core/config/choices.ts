/** The words that a config's keys accept: the schema, the command line and the types of a key use these. @module */
export type { DtypeName } from "../dtype.ts";
export { DEVICE_CHOICES, type DeviceChoice } from "../../kernels/device/device_choice.ts";
export { MATMUL_PRECISIONS, type MatmulPrecision } from "../../kernels/device/precision.ts";

/** Which implementation of WebGPU to take: Deno's own, Dawn (Chromium's), or Dawn where it is there. */
export type WebGpuChoice = "deno" | "dawn" | "auto";

/** The choices of WebGPU. */
export const WEBGPU_CHOICES = ["deno", "dawn", "auto"] as const satisfies readonly WebGpuChoice[];

/** The name of a method, which is a preset of labels, noise and loss. */
export type Method = "sft" | "dpo" | "spin" | "dnpo";

/** The methods. */
export const METHODS = ["sft", "dpo", "spin", "dnpo"] as const satisfies readonly Method[];

/** A judge that votes in an ensemble. */
export type MemberKind = "verifier" | "logprob" | "reward-model" | "llm" | "self";

/** The judges that an ensemble may have. */
export const MEMBER_JUDGES = [
  "verifier",
  "logprob",
  "reward-model",
  "llm",
  "self",
] as const satisfies readonly MemberKind[];

/** The judges. `function` is one that the calling program gives, not the command line. */
export const JUDGES: readonly ["human", ...typeof MEMBER_JUDGES, "ensemble", "function"] = [
  "human",
  ...MEMBER_JUDGES,
  "ensemble",
  "function",
];

/** Which judge tells chosen and rejected apart. `function` is one that the calling program gives. */
export type JudgeKind = "human" | MemberKind | "ensemble" | "function";

/** The name of a loss. */
export type LossType = "sigmoid" | "hinge" | "ipo" | "robust" | "sft";

/**
 * The losses: those over pairs, and cross-entropy on the chosen response.
 *
 * @example
 * ```ts
 * import { LOSS_TYPES } from "@dnpo/dnpo/engine";
 * import assert from "node:assert/strict";
 *
 * assert.equal(LOSS_TYPES[0], "sigmoid");
 * ```
 */
export const LOSS_TYPES = ["sigmoid", "hinge", "ipo", "robust", "sft"] as const satisfies readonly LossType[];

/** A place that numbers are logged to besides metrics.jsonl. */
export type ReportTo = "tensorboard" | "wandb" | "mlflow" | "trackio";

/** The places that numbers may be logged to. */
export const REPORT_TO = ["tensorboard", "wandb", "mlflow", "trackio"] as const satisfies readonly ReportTo[];

/** How the weights of a frozen base are held: as their files have them, or quantized. */
export type Quantization = "none" | "int8" | "int4" | "nf4";

/** The choices of `quantization`. */
export const QUANTIZATIONS = ["none", "int8", "int4", "nf4"] as const satisfies readonly Quantization[];

/** A schedule of the learning rate in a resolved config. */
export type Schedule = "linear" | "cosine" | "constant";

/** The schedules of the learning rate: each name that a config may use, with the name that a resolved config has. */
export const SCHEDULES = {
  linear: "linear",
  cosine: "cosine",
  constant: "constant",
  constant_with_warmup: "constant",
} as const satisfies Record<string, Schedule>;

/**
 * A number of an evaluation by which iterations are told better or worse, in a resolved config: those of a verifier, and
 * those of held-out pairs by TRL's name with `_` for `/`.
 */
export type BestMetric =
  | "eval_loss"
  | "sampled"
  | "greedy"
  | "sampled_score"
  | "greedy_score"
  | "eval_preference_loss"
  | "eval_rewards_chosen"
  | "eval_rewards_rejected"
  | "eval_rewards_accuracies"
  | "eval_rewards_margins"
  | "eval_logps_chosen"
  | "eval_logps_rejected";

/** A number of a benchmark, `TASK/METRIC` or `TASK/METRIC,FILTER`, as the summary has it. */
export type BenchmarkMetric = `${string}/${string}`;

/**
 * The numbers that iterations may be told better or worse by: each name that a config may use, with the name that a
 * resolved config and the summary have. As in transformers, `eval_` may stand before a name or be left out, and measures
 * of pairs may be called as TRL does.
 */
export const BEST_METRICS = {
  eval_loss: "eval_loss",
  loss: "eval_loss",
  sampled: "sampled",
  eval_sampled: "sampled",
  greedy: "greedy",
  eval_greedy: "greedy",
  sampled_score: "sampled_score",
  eval_sampled_score: "sampled_score",
  greedy_score: "greedy_score",
  eval_greedy_score: "greedy_score",
  "rewards/accuracies": "eval_rewards_accuracies",
  "eval_rewards/accuracies": "eval_rewards_accuracies",
  eval_rewards_accuracies: "eval_rewards_accuracies",
  "rewards/margins": "eval_rewards_margins",
  "eval_rewards/margins": "eval_rewards_margins",
  eval_rewards_margins: "eval_rewards_margins",
  "rewards/chosen": "eval_rewards_chosen",
  "eval_rewards/chosen": "eval_rewards_chosen",
  eval_rewards_chosen: "eval_rewards_chosen",
  "rewards/rejected": "eval_rewards_rejected",
  "eval_rewards/rejected": "eval_rewards_rejected",
  eval_rewards_rejected: "eval_rewards_rejected",
  "logps/chosen": "eval_logps_chosen",
  "eval_logps/chosen": "eval_logps_chosen",
  eval_logps_chosen: "eval_logps_chosen",
  "logps/rejected": "eval_logps_rejected",
  "eval_logps/rejected": "eval_logps_rejected",
  eval_logps_rejected: "eval_logps_rejected",
  preference_loss: "eval_preference_loss",
  eval_preference_loss: "eval_preference_loss",
} as const satisfies Record<string, BestMetric>;

/** An optimizer in a resolved config. */
export type Optimizer = "adamw" | "rmsprop";

/** The optimizers: each name that a config may use, with the name that a resolved config has. */
export const OPTIMIZERS = {
  adamw: "adamw",
  adamw_torch: "adamw",
  rmsprop: "rmsprop",
} as const satisfies Record<string, Optimizer>;

/** The types that gradients are summed in. */
export type GradientDtype = "float32" | "bfloat16";

/** The types of gradients. */
export const GRADIENT_DTYPES = ["float32", "bfloat16"] as const satisfies readonly GradientDtype[];
