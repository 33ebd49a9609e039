/** One set of training settings, as the reference program and as a config of `optimize` spell it. @module */
import type { Config } from "./dnpo.ts";

/** Settings of a run; the defaults are the reference program's. */
export interface RunSettings {
  noise: "none" | "joint" | "alternating";
  /** First values of the noise generator: zeros, or those beside the model in noise_init.safetensors. */
  noiseInit: "zeros" | "file";
  noiseSteps: number;
  modelSteps: number;
  beta: number;
  alpha: number;
  maxVariance: number;
  learningRate: number;
  noiseLearningRate: number;
  weightDecay: number;
  /** Rows of an optimizer step. */
  batch: number;
  steps: number;
  warmup: number;
  schedule: "constant" | "linear" | "cosine";
  maxGradNorm: number;
  seed: number;
  iteration: number;
}

/** The reference program's defaults, and six steps. */
export const DEFAULTS: Readonly<RunSettings> = {
  noise: "joint",
  noiseInit: "file",
  noiseSteps: 1,
  modelSteps: 1,
  beta: 0.1,
  alpha: 0.01,
  maxVariance: 1,
  learningRate: 1e-3,
  noiseLearningRate: 1e-2,
  weightDecay: 0,
  batch: 2,
  steps: 6,
  warmup: 0,
  schedule: "constant",
  maxGradNorm: 1,
  seed: 0,
  iteration: 0,
};

/** The reference program's options, with the model's folder where `noiseInit` is `file`. */
export function oracleOptions(settings: RunSettings, model: string): string[] {
  return Object.entries({
    "noise": settings.noise,
    "noise-init": settings.noiseInit === "file" ? `${model}/noise_init.safetensors` : "zeros",
    "noise-steps": settings.noiseSteps,
    "model-steps": settings.modelSteps,
    "beta": settings.beta,
    "alpha": settings.alpha,
    "max-variance": settings.maxVariance,
    "lr": settings.learningRate,
    "noise-lr": settings.noiseLearningRate,
    "weight-decay": settings.weightDecay,
    "batch": settings.batch,
    "steps": settings.steps,
    "warmup": settings.warmup,
    "schedule": settings.schedule,
    "max-grad-norm": settings.maxGradNorm,
    "seed": settings.seed,
    "iteration": settings.iteration,
  }).flatMap(([name, value]) => [`--${name}`, String(value)]);
}

/** The same as a config of `optimize`, each step in `accumulation` micro-batches. */
export function optimizeConfig(
  settings: RunSettings,
  { model, outputDir, accumulation = 1 }: { model: string; outputDir: string; accumulation?: number },
): Config {
  return {
    model,
    pairs: `${model}/pairs.jsonl`,
    output_dir: outputDir,
    iteration: settings.iteration,
    training: {
      learning_rate: settings.learningRate,
      per_device_train_batch_size: settings.batch / accumulation,
      gradient_accumulation_steps: accumulation,
      max_steps: settings.steps,
      lr_scheduler_type: settings.schedule,
      warmup_steps: settings.warmup,
      weight_decay: settings.weightDecay,
      max_grad_norm: settings.maxGradNorm,
      beta: settings.beta,
      shuffle: false,
      seed: settings.seed,
      logging_steps: 1,
    },
    noise: settings.noise === "none" ? "none" : {
      update: settings.noise,
      noise_steps: settings.noiseSteps,
      model_steps: settings.modelSteps,
      init: settings.noiseInit === "file" ? `${model}/noise_init.safetensors` : "zeros",
      learning_rate: settings.noiseLearningRate,
      max_variance: settings.maxVariance,
      alpha: settings.alpha,
    },
  };
}
