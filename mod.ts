/**
 * DNPO (Dynamic Noise Preference Optimization, arXiv 2502.05400) on any GPU: a language model improves itself with data
 * that it makes itself.
 *
 * Each stage of the loop is a function of a config; its files lie in the config's `output_dir`.
 *
 * ```ts
 * import { loadConfig, train } from "./mod.ts";
 * import assert from "node:assert/strict";
 *
 * const config = await loadConfig("examples/quickstart/config.yaml", { set: ["iterations=1"] });
 * assert.equal(config.method, "dnpo");
 *
 * // Runs generate, label, optimize and evaluate, and returns what summary.json holds.
 * async function run(): Promise<void> {
 *   const { iterations, model } = await train(config, { onNote: console.log });
 *   console.log(iterations.at(-1)?.greedy, model);
 * }
 * assert.equal(typeof run, "function");
 * ```
 *
 * @module
 */
export { StoppedError, UserError } from "./core/error.ts";
export type { OnProgress, ProgressEvent } from "./core/progress.ts";
export {
  configJsonSchema,
  explainConfig,
  forIteration,
  forSft,
  type IterationConfig,
  loadConfig,
  type LoadOptions,
  requireFor,
  type ResolvedConfig,
  type Setting,
  writeResolved,
} from "./core/config/config.ts";
export type {
  DataConfig,
  GenerationConfig,
  JudgeConfig,
  LabelsConfig,
  MemberConfig,
  Method,
  NoiseConfig,
  NoiseSetting,
  PerIteration,
  Stage,
  TrainingConfig,
} from "./core/config/config_types.ts";
export type { RunHooks } from "./core/run/run_context.ts";
export { type ExportOptions, exportPairs, type ExportReport } from "./core/run/export_pairs.ts";
export { type JudgePlan, type LabelPlan, planLabel } from "./core/plan/label_plan.ts";
export { type PairScore, scorePairs } from "./core/evaluate/score_pairs.ts";
export { runGenerate, runLabel, runOptimize, runSft } from "./core/loop/single_stages.ts";
export type { IterationSummary, RunSummary } from "./core/loop/run_summary.ts";
export { train, type TrainHooks } from "./core/loop/train_run.ts";
export { compareModels, type CompareOptions } from "./core/evaluate/compare_models.ts";
export type { ComparedAnswer, ComparedRow, Comparison, SideSummary } from "./core/evaluate/comparison_summary.ts";
export type { Interval, Outcome, WinRate } from "./core/evaluate/win_rate.ts";
export { openChat, type OpenChatOptions, type OpenedChat } from "./core/generate/open_chat.ts";
export type { AnswerReport, Chat } from "./core/generate/conversation.ts";
export {
  type Resolved,
  resolveDataset,
  resolveModel,
  type ResolveOptions,
  type SourceRecord,
} from "./core/hub/resolve_name.ts";
export { pushRun } from "./core/report/push_run.ts";
export { folderFiles, memoryFiles, type ModelFiles } from "./core/files/model_files.ts";
export { type ModelFolder, openModelFolder } from "./core/checkpoint/model_folder.ts";
export { type ModelSource, saveModelFolder, type SaveOptions } from "./core/checkpoint/save_folder.ts";
export type { ModelConfig } from "./core/model/families/family.ts";
export { parseModelConfig } from "./core/model/families/model_config.ts";
export type { Judge, Scores } from "./core/label/judge.ts";
export type { LabelReport } from "./core/label/label_pairs.ts";
export type { Verifier, VerifierInput } from "./core/label/verifier_judge.ts";
export type { StepMetrics } from "./core/train/step_metrics.ts";
export { readmeFigure } from "./core/report/figures.ts";
export { readRun, type RunRecord } from "./core/run/read_run.ts";
export { writeReport } from "./core/report/write_report.ts";
export { DeviceError } from "./kernels/device/device_error.ts";
