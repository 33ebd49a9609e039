/** Keys of `training`. @module */
import { z } from "zod";
import { BEST_METRICS, LOSS_TYPES, MATMUL_PRECISIONS, OPTIMIZERS, REPORT_TO, SCHEDULES } from "../choices.ts";
import { count, key, type KeyFacts, named, perIteration, seed, text } from "./key.ts";

/** The facts of a key that has the same name in transformers. */
const ARGUMENTS: KeyFacts = { hf: ["TrainingArguments"] };
/** The facts of a key that has the same name in TRL. */
const DPO: KeyFacts = { hf: ["DPOConfig"] };

const decay = z.number().min(0).lt(1);

/** Accepts one of the names in `words`, and gives the name that a resolved config has for it. */
function oneOf<Words extends Readonly<Record<string, string>>>(typeName: string, words: Words) {
  const names = Object.keys(words) as (keyof Words & string)[];
  return named(typeName, z.enum(names).transform((name): Words[keyof Words] => words[name]!));
}

const reportTo = named(
  "ReportTo[]",
  z.union([z.enum(["none", "all", ...REPORT_TO]), z.array(z.enum(REPORT_TO))]).transform((value) =>
    typeof value !== "string" ? value : value === "none" ? [] : value === "all" ? [...REPORT_TO] : [value]
  ),
);

/** A path, or an address that {@linkcode isTrackingUri} knows. */
const trackingUri = text.refine(isTrackingUri, {
  error: "a folder, or an address that begins with http:// or https:// (a server with a database of its own)",
});

/** Whether a text is a folder's path or file URL, or a server's address; a drive's letter is no scheme. */
function isTrackingUri(uri: string): boolean {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(uri)?.[1]?.toLowerCase();
  if (scheme === undefined) return true;
  return ["http", "https", "file"].includes(scheme) && URL.canParse(uri);
}

/** A number of a benchmark; which ones there are is known once the tasks are. */
const benchmarkMetric = z.templateLiteral([z.string().min(1), "/", z.string().min(1)], {
  error: "TASK/METRIC of a benchmark",
});

/** Keys of `training`; `Rate` is a number, or a list with one entry per iteration. */
export const trainingKeys = {
  learning_rate: key(
    named("Rate", perIteration(z.number().min(0))).default(1e-6),
    "Peak learning rate; a list has one per iteration. With lora the default is 5e-6, or 2e-4 of loss_type sft.",
    ARGUMENTS,
  ),
  per_device_train_batch_size: key(
    count.default(8),
    "Pairs in a micro-batch.",
    { ...ARGUMENTS, mayDiffer: true },
  ),
  gradient_accumulation_steps: key(count.default(1), "Micro-batches in an optimizer step.", {
    ...ARGUMENTS,
    mayDiffer: true,
  }),
  gradient_checkpointing: key(
    z.union([z.boolean(), count]).default(false),
    "How many layers keep their activations at a time: with N the others' are computed again in the backward pass, " +
      "to the same bits, in less memory and more time; true is 1, false keeps those of all layers.",
    { ...ARGUMENTS, mayDiffer: true },
  ),
  num_train_epochs: key(
    z.number().gt(0).default(3),
    "Passes over the pairs, per iteration, above 0; 1.5 are one and a half: ⌈1.5 · steps of a pass⌉ optimizer steps.",
    ARGUMENTS,
  ),
  max_steps: key(
    z.int().min(-1).default(-1),
    "Optimizer steps per iteration where above 0, instead of num_train_epochs.",
    ARGUMENTS,
  ),
  lr_scheduler_type: key(
    oneOf("Schedule", SCHEDULES).prefault("linear"),
    "Schedule of the learning rate after the warm-up; constant takes a warm-up too.",
    ARGUMENTS,
  ),
  warmup_steps: key(z.int().min(0).default(0), "Optimizer steps of linear warm-up.", ARGUMENTS),
  warmup_ratio: key(
    z.number().min(0).max(1).default(0),
    "Warm-up as a share of all steps, from 0 to 1, instead of warmup_steps.",
    ARGUMENTS,
  ),
  optim: key(
    oneOf("Optimizer", OPTIMIZERS).prefault("adamw"),
    "Optimizer; adamw_torch is another name of adamw.",
    ARGUMENTS,
  ),
  adam_beta1: key(decay.default(0.9), "Decay of AdamW's first moment, from 0 to below 1.", ARGUMENTS),
  adam_beta2: key(decay.default(0.999), "Decay of AdamW's second moment, from 0 to below 1.", ARGUMENTS),
  adam_epsilon: key(z.number().gt(0).default(1e-8), "Epsilon of AdamW, above 0.", ARGUMENTS),
  weight_decay: key(
    z.number().min(0).default(0),
    "Decoupled weight decay; biases and norm weights do not decay.",
    ARGUMENTS,
  ),
  max_grad_norm: key(
    z.number().min(0).default(1),
    "Global norm above which gradients are scaled down to it; 0 never clips.",
    ARGUMENTS,
  ),
  beta: key(
    named("Rate", perIteration(z.number().gt(0))).default(0.1),
    "Preference temperature, above 0; a list has one per iteration.",
    DPO,
  ),
  loss_type: key(
    named("LossType", z.enum(LOSS_TYPES)).default("sigmoid"),
    "Loss; sft is cross-entropy on the chosen response.",
    DPO,
  ),
  label_smoothing: key(
    z.number().min(0).lt(0.5).default(0),
    "Share of labels taken to be wrong, from 0 to below 0.5; of loss_type robust alone.",
    DPO,
  ),
  precision: key(
    named("MatmulPrecision", z.enum(MATMUL_PRECISIONS)).default("float32"),
    "How exactly the matrix products of training are computed, forward and backward, the reference's too: float32; " +
      "float32x3, each factor as two numbers of float16 (nearly float32); float16, factors rounded to it. Sums are in " +
      "float32. The latter two take matrix units (tensor cores), which Dawn alone grants; generation, " +
      "judges and evaluation stay float32.",
  ),
  shuffle: key(z.boolean().default(true), "Whether every epoch has an order of its own."),
  seed: key(seed.default(42), "Seed of noise and shuffling, below 2^32.", ARGUMENTS),
  logging_steps: key(count.default(10), "Optimizer steps between two lines of metrics.jsonl.", {
    ...ARGUMENTS,
    mayDiffer: true,
  }),
  eval_steps: key(
    count.exactOptional(),
    "Optimizer steps between two evaluations of data.eval within train, optimize and sft, whose numbers are in " +
      "metrics.jsonl as eval_…; default: none. It changes nothing that is trained.",
    { ...ARGUMENTS, mayDiffer: true },
  ),
  save_steps: key(count.default(500), "Optimizer steps between two saved states.", { ...ARGUMENTS, mayDiffer: true }),
  save_minutes: key(
    z.number().gt(0).default(5),
    "Minutes, above 0, after which a state is saved besides those of save_steps. Where saving is slow, at most a tenth " +
      "of the time goes into it.",
    { mayDiffer: true },
  ),
  save_total_limit: key(
    count.default(1),
    "Saved states of an iteration that are kept, the newest ones, until its model is saved. A state holds the " +
      "weights and the optimizer's moments in float32, so that one alone is the default, where Hugging Face keeps " +
      "all. Deleting the newest file goes back to the one before.",
    { ...ARGUMENTS, mayDiffer: true },
  ),
  load_best_model_at_end: key(
    z.boolean().default(false),
    "Whether train hands out the best of its iterations' models, the first of several that are equal, in place of the " +
      "last one; the model at the start is none of them. It takes data.eval, or evaluate.",
    { ...ARGUMENTS, mayDiffer: true },
  ),
  metric_for_best_model: key(
    named("BestMetric | BenchmarkMetric", z.union([oneOf("BestMetric", BEST_METRICS), benchmarkMetric]))
      .exactOptional(),
    "What tells the iterations' models better or worse. On the rows of data.eval: eval_loss, the default, or with " +
      "labels.verifier the share of right answers, sampled or greedy, or the mean score, sampled_score or greedy_score, or where " +
      "the rows are pairs TRL's rewards/accuracies, rewards/margins, … or preference_loss; eval_ before these may be left " +
      "out, and stand before each. Of the benchmarks of evaluate: TASK/METRIC as in summary.json, such as " +
      "arc_challenge/acc_norm.",
    { ...ARGUMENTS, mayDiffer: true },
  ),
  greater_is_better: key(
    z.boolean().exactOptional(),
    "Whether more of metric_for_best_model is better; default: false for a name that ends in loss, what the " +
      "task says of a benchmark's, else true.",
    { ...ARGUMENTS, mayDiffer: true },
  ),
  early_stopping_patience: key(
    count.exactOptional(),
    "Iterations one after the other that are no better than the best one before them, by metric_for_best_model, after " +
      "which train ends; default: it never ends before its last iteration. Iterations that are made already stay. It " +
      "takes data.eval, or evaluate.",
    { hf: ["EarlyStoppingCallback"], mayDiffer: true },
  ),
  on_nan: key(
    z.enum(["error", "skip"]).default("error"),
    "What a NaN or Inf in loss or gradients does. error: it stops the run; skip: the step is skipped and counted.",
    { mayDiffer: true },
  ),
  report_to: key(
    reportTo.prefault("none"),
    "Where numbers are logged besides metrics.jsonl: none, all, or of tensorboard (event files in " +
      "OUTPUT_DIR/tensorboard/), wandb (an offline run in OUTPUT_DIR/wandb/, for wandb sync), mlflow (where " +
      "mlflow_tracking_uri says) and trackio (a database in OUTPUT_DIR/trackio/) one or a list.",
    { ...ARGUMENTS, mayDiffer: true },
  ),
  run_name: key(text.exactOptional(), "The run's name at wandb, mlflow and trackio; default: that of output_dir.", {
    ...ARGUMENTS,
    mayDiffer: true,
  }),
  project: key(
    text.default("dnpo"),
    "Project of wandb and trackio, and experiment of mlflow, that the run belongs to.",
    { ...ARGUMENTS, mayDiffer: true },
  ),
  mlflow_tracking_uri: key(
    trackingUri.exactOptional(),
    "Where report_to mlflow logs: a folder, or the http(s) address of a tracking server, whose login is in " +
      "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN; default: OUTPUT_DIR/mlruns.",
    { mayDiffer: true },
  ),
};
