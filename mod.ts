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
 * // The quick start's config, cut down to a second: one iteration on 16 rows.
 * const set = [
 *   `output_dir=${await Deno.makeTempDir()}`,
 *   "iterations=1",
 *   "data.limit=16",
 *   "data.eval_limit=16",
 *   "training.max_steps=2",
 * ];
 * const config = await loadConfig("examples/quickstart/config.yaml", { set });
 * assert.equal(config.method, "dnpo");
 *
 * // Runs generate, label, optimize and evaluate, and returns what summary.json holds.
 * const { iterations, model } = await train(config, { onNote: console.log });
 * const [start, first] = iterations;
 * assert.ok(start!.greedy! >= 0 && first!.greedy! >= 0 && first!.steps === 2);
 * assert.ok(await Deno.stat(`${model}/model.safetensors`));
 * ```
 *
 * @module
 */
export { StoppedError, UserError } from "./core/error.ts";
export { DeviceError, type DeviceErrorKind } from "./kernels/device/device_error.ts";
export type { Device } from "./kernels/device/device.ts";
export type { Pace, Work, WorkKind } from "./kernels/device/pace.ts";
export type { DeviceBuffer, Image, ImageFormat, Slice } from "./kernels/device/slice.ts";
export type { DeviceFamily, TileClass, Tuning } from "./kernels/device/tuning.ts";
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
  AnyJudgeConfig,
  BenchmarkMetric,
  BestMetric,
  DataColumns,
  DataConfig,
  DataSetConfig,
  DataSourceConfig,
  DeviceChoice,
  DistributedConfig,
  DtypeName,
  EnsembleJudgeConfig,
  EvaluateConfig,
  FunctionJudgeConfig,
  GenerationConfig,
  HumanJudgeConfig,
  JudgeConfig,
  JudgeKind,
  LabelsConfig,
  LlmJudgeConfig,
  LogprobJudgeConfig,
  LoraConfig,
  LossType,
  MatmulPrecision,
  MemberConfig,
  MemberKind,
  Method,
  NoiseConfig,
  NoiseSection,
  NoiseSetting,
  Optimizer,
  PerIteration,
  Quantization,
  ReportTo,
  RewardModelJudgeConfig,
  Schedule,
  SelfJudgeConfig,
  TrainingConfig,
  VerifierJudgeConfig,
  VerifierPermissions,
  WebGpuChoice,
} from "./core/config/config_types.ts";
export type { JsonFloat, PlainValue } from "./core/data/formats/json_numbers.ts";
export type { JsonObject, JsonValue } from "./core/data/formats/json_rows.ts";
export type { JudgedAnswer, RowsRead, RunHooks } from "./core/run/run_context.ts";
export { sweep, type SweepHooks, type SweepOptions, type SweepRun } from "./core/loop/sweep.ts";
export type { Variant } from "./core/loop/sweep_plan.ts";
export { train, type TrainHooks } from "./core/loop/train_run.ts";
export type { BestIteration } from "./core/loop/best_iteration.ts";
export type { EarlyStop, IterationSummary, RunSummary } from "./core/loop/run_summary.ts";
export { runGenerate, runLabel, runOptimize, runSft } from "./core/loop/single_stages.ts";
export type { TrainedModel } from "./core/loop/single_stages.ts";
export type { LabelReport } from "./core/label/label_pairs.ts";
export type { Verifier, VerifierInput } from "./core/label/verifier_protocol.ts";
export type { MetricName, StepMetrics } from "./core/train/step_metrics.ts";
export type { PreferenceMetric } from "./kernels/loss/preference_loss.ts";
export { type PlanOptions, planRun, type RanksOptions } from "./core/plan/plan_run.ts";
export type { LinkPlan, RanksPlan } from "./core/plan/ranks_plan.ts";
export type { StepExchange } from "./core/plan/rank_exchange.ts";
export type { RankLoads } from "./core/plan/rank_loads.ts";
export type { TrainedChunks } from "./core/plan/trained_chunks.ts";
export type { WireDtype } from "./core/cluster/transport.ts";
export type { RankSettings } from "./core/plan/rank_settings.ts";
export type { StepTimes } from "./core/plan/rank_times.ts";
export type { StagingSpeed } from "./core/plan/staging_speed.ts";
export {
  type DataPreview,
  previewData,
  type PreviewedRow,
  type PreviewedSet,
  type PreviewKind,
  type PreviewOptions,
} from "./core/plan/data_preview.ts";
export type { AnswerTokens, PreviewToken, RowTokens } from "./core/plan/preview_tokens.ts";
export type { LengthBin, LengthCost, LengthSummary } from "./core/plan/row_lengths.ts";
export { type CardPlan, planCards } from "./core/plan/card_plans.ts";
export type { PlannedStage, RunPlan, StagePlan } from "./core/plan/plan_types.ts";
export type { Advice } from "./core/plan/advice.ts";
export type { Speed } from "./core/plan/device_speed.ts";
export { type JudgePlan, type LabelPlan, planLabel } from "./core/plan/label_plan.ts";
export { compareModels, type CompareOptions } from "./core/evaluate/compare_models.ts";
export type { ComparedAnswer, ComparedRow, Comparison, SideSummary } from "./core/evaluate/comparison_summary.ts";
export type { LengthControlled } from "./core/evaluate/length_control.ts";
export type { Interval, Outcome, WinRate } from "./core/evaluate/win_rate.ts";
export { type PairScore, scorePairs } from "./core/evaluate/score_pairs.ts";
export { openChat, type OpenChatOptions, type OpenedChat } from "./core/generate/open_chat.ts";
export type { AnswerReport, Chat, ChatSettings } from "./core/generate/conversation.ts";
export { type ExportOptions, exportPairs, type ExportReport } from "./core/run/export_pairs.ts";
export { listRuns, type RunState } from "./core/run/list_runs.ts";
export {
  type LoggedIteration,
  type LoggedStageNumbers,
  type LoggedStep,
  type Numbers,
  readRun,
  type RunRecord,
} from "./core/run/read_run.ts";
export { exportModel, type ExportModelOptions, type ModelExport } from "./core/export/export_model.ts";
export { mergeAdapterFolder, type MergeOptions, type MergeReport } from "./core/export/merge_adapter.ts";
export type { SourceHooks } from "./core/export/model_source.ts";
export { writeReport } from "./core/report/write_report.ts";
export { pushRun } from "./core/report/push_run.ts";
export type { Pushed, PushOptions } from "./core/hub/push_files.ts";
export {
  type Resolved,
  resolveDataset,
  resolveModel,
  type ResolveOptions,
  type SourceRecord,
} from "./core/hub/resolve_name.ts";
export type { ClientOptions } from "./core/hub/hub_client.ts";
export type { RepoFile } from "./core/hub/download.ts";
export type { Environment } from "./core/hub/hub_settings.ts";
