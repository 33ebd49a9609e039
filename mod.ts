/**
 * DNPO (Dynamic Noise Preference Optimization, arXiv 2502.05400) on any GPU: a language model improves itself with data
 * that it makes itself.
 *
 * Each stage of the loop is a function of a config; its files lie in the config's `output_dir`. Functions that work on
 * models themselves, step by step, are in `engine.ts`.
 *
 * ```ts
 * import { loadConfig, train } from "@dnpo/dnpo";
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
export { DeviceError } from "./kernels/device/device_error.ts";
export type { OnProgress, ProgressEvent } from "./core/progress.ts";
export {
  configJsonSchema,
  explainConfig,
  loadConfig,
  type LoadOptions,
  type ResolvedConfig,
  type Setting,
  writeResolved,
} from "./core/config/config.ts";
export type {
  DataConfig,
  GenerationConfig,
  JudgeConfig,
  JudgeKind,
  LabelsConfig,
  LossType,
  MemberConfig,
  Method,
  NoiseConfig,
  NoiseSetting,
  PerIteration,
  TrainingConfig,
} from "./core/config/config_types.ts";
export type { JudgedAnswer, RunHooks } from "./core/run/run_context.ts";
export { train, type TrainHooks } from "./core/loop/train_run.ts";
export type { IterationSummary, RunSummary } from "./core/loop/run_summary.ts";
export { runGenerate, runLabel, runOptimize, runSft } from "./core/loop/single_stages.ts";
export type { LabelReport } from "./core/label/label_pairs.ts";
export type { Verifier, VerifierInput } from "./core/label/verifier_protocol.ts";
export type { StepMetrics } from "./core/train/step_metrics.ts";
export { type PlanOptions, planRun } from "./core/plan/plan_run.ts";
export type { RunPlan, StagePlan } from "./core/plan/plan_types.ts";
export { type JudgePlan, type LabelPlan, planLabel } from "./core/plan/label_plan.ts";
export { compareModels, type CompareOptions } from "./core/evaluate/compare_models.ts";
export type { ComparedAnswer, ComparedRow, Comparison, SideSummary } from "./core/evaluate/comparison_summary.ts";
export type { Interval, Outcome, WinRate } from "./core/evaluate/win_rate.ts";
export { type PairScore, scorePairs } from "./core/evaluate/score_pairs.ts";
export { openChat, type OpenChatOptions, type OpenedChat } from "./core/generate/open_chat.ts";
export type { AnswerReport, Chat } from "./core/generate/conversation.ts";
export { type ExportOptions, exportPairs, type ExportReport } from "./core/run/export_pairs.ts";
export { listRuns, type RunState } from "./core/run/list_runs.ts";
export { readRun, type RunRecord } from "./core/run/read_run.ts";
export { readmeFigure } from "./core/report/figures.ts";
export { writeReport } from "./core/report/write_report.ts";
export { pushRun } from "./core/report/push_run.ts";
export {
  type Resolved,
  resolveDataset,
  resolveModel,
  type ResolveOptions,
  type SourceRecord,
} from "./core/hub/resolve_name.ts";
