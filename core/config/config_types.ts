/** The types of a resolved config: all settings of a run, with every default filled in. @module */
import type { LabelsConfig, NoiseSection, ResolvedConfig, TrainingConfig } from "./key_types.ts";

export type {
  BenchmarkMetric,
  BestMetric,
  DeviceChoice,
  DtypeName,
  JudgeKind,
  LossType,
  MatmulPrecision,
  MemberKind,
  Method,
  Optimizer,
  Quantization,
  ReportTo,
  Schedule,
  WebGpuChoice,
} from "./choices.ts";
export type * from "./key_types.ts";
export type { PerIteration } from "./per_iteration.ts";

/** The stages that commands run. */
export type Stage = "sft" | "generate" | "label" | "optimize" | "train" | "score" | "compare";

/** Noise as the config has it; `update: none` means no noise too. */
export type NoiseSetting = "none" | NoiseSection;

/** The noise generator and its training. */
export interface NoiseConfig extends NoiseSection {
  /** `joint`: one backward pass for both; `alternating`: noise steps, then model steps. */
  update: Exclude<NoiseSection["update"], "none">;
}

/** The settings of one iteration: no lists, and noise that is trained or `none`. */
export interface IterationConfig
  extends Omit<ResolvedConfig, "autotune" | "device" | "webgpu" | "labels" | "training" | "noise"> {
  /** Judge of this iteration. */
  labels: LabelsConfig;
  /** Optimization in this iteration. */
  training: TrainingConfig;
  /** Noise of this iteration. */
  noise: "none" | NoiseConfig;
}
