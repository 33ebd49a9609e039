/** Single stages, as commands and programs call them. @module */
import { type IterationConfig, requireFor, type ResolvedConfig } from "../config/config.ts";
import { splitRowRange } from "../data/formats/row_range.ts";
import { exists } from "../files/io.ts";
import { readLines } from "../files/json_lines.ts";
import { withGivenJudge } from "../label/function_judge.ts";
import { type LabelReport, reportOfMetrics } from "../label/label_pairs.ts";
import { writeReport } from "../report/write_report.ts";
import { checkNotRead, removeRows, removeTraining } from "../run/begin_anew.ts";
import { checkLabelled, checkNotTrained, rowsAdvice } from "../run/label_record.ts";
import { readRun } from "../run/read_run.ts";
import { BEGIN_ADVICE, checkGeneration } from "../run/resume_check.ts";
import { warnOfLoss } from "../run/nonsense_notes.ts";
import { type CheckContext, type FolderContext, type RunContext, type RunHooks, withRun } from "../run/run_context.ts";
import { runPaths } from "../run/run_paths.ts";
import { hasTrained } from "../run/run_work.ts";
import { checkStage, fixStage, type StageWork, type TrainingStage } from "../run/stage_record.ts";
import type { StepMetrics } from "../train/step_metrics.ts";
import { checkBase, checkStart } from "./check_start.ts";
import { foldersOf, isHandedOut } from "./finished_work.ts";
import { beginGenerating, generateStage } from "./generate_stage.ts";
import { labelStage, readAnswers } from "./label_stage.ts";
import { optimizeStage } from "./optimize_stage.ts";
import { runStage } from "./run_stage.ts";
import { generateStep, labelStep, needsOf, optimizeStep } from "./schedule.ts";
import { checkSteps } from "./schedule_checks.ts";

/**
 * Samples a response to every prompt: writes OUTPUT_DIR/iteration-K/responses.jsonl and returns its path.
 *
 * @example
 * ```ts
 * import { loadConfig, runGenerate } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * const set = [
 *   `output_dir=${await Deno.makeTempDir()}`,
 *   "data.limit=16",
 *   "data.eval=null",
 *   "training.max_steps=1",
 * ];
 * const config = await loadConfig("examples/quickstart/config.yaml", { set });
 * const path = await runGenerate(config);
 * assert.equal((await Deno.readTextFile(path)).trimEnd().split("\n").length, 16);
 * ```
 */
export async function runGenerate(config: ResolvedConfig, hooks: RunHooks = {}): Promise<string> {
  requireFor("generate", config);
  const step = await generateStep(config);
  const { paths, settings } = step;
  const { responses } = paths;
  const finished = async (context: FolderContext): Promise<string | null> => {
    if (await exists(responses)) {
      const { iteration } = settings;
      await checkGeneration(paths, settings, { advice: await rowsAdvice(paths, settings) });
      await beginGenerating(context, step, { isBegun: true });
      context.onNote(
        `${responses} was complete already; nothing is generated (--force generates iteration ${iteration} anew)`,
      );
      return responses;
    }
    await checkNotTrained("generate", paths, settings);
    return null;
  };
  const remove = async (): Promise<void> => {
    await checkNotTrained("generate", paths, settings);
    await removeRows(paths, { responses: true });
  };
  const check = (context: CheckContext): Promise<void> => checkStart(context, [step], hooks);
  return await withRun(config, { needs: needsOf([step]), hooks, finished, check, remove }, async (context) => {
    await runStage(context, step, () => generateStage(context, step));
    return responses;
  });
}

/**
 * Labels the responses: writes OUTPUT_DIR/iteration-K/pairs.jsonl.
 *
 * @example
 * ```ts
 * import { loadConfig, runGenerate, runLabel } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * const set = [
 *   `output_dir=${await Deno.makeTempDir()}`,
 *   "data.limit=16",
 *   "data.eval=null",
 *   "training.max_steps=1",
 * ];
 * const config = await loadConfig("examples/quickstart/config.yaml", { set });
 * await runGenerate(config);
 * const { report } = await runLabel(config, { judge: ({ response }) => -response.length });
 * assert.ok(report.pairs > 0 && report.pairs <= 16);
 * ```
 */
export async function runLabel(
  given: ResolvedConfig,
  hooks: RunHooks = {},
): Promise<{ path: string; report: LabelReport }> {
  const config = withGivenJudge(given, hooks);
  requireFor("label", config);
  const step = await labelStep(config);
  checkSteps([step], hooks);
  const { paths, settings } = step;
  const { pairs: path } = paths;
  const finished = async ({ onNote }: FolderContext): Promise<{ path: string; report: LabelReport } | null> => {
    if (!await exists(path)) {
      await checkNotTrained("label", paths, settings);
      return null;
    }
    await checkLabelled(paths, settings);
    const { iteration, output_dir: folder } = settings;
    onNote(`${path} was complete already; nothing is labelled (--force labels iteration ${iteration} anew)`);
    return { path, report: await keptReport(folder, { iteration, path }) };
  };
  const remove = async (): Promise<void> => {
    await checkNotTrained("label", paths, settings);
    await removeRows(paths, { responses: false });
  };
  const check = async (context: CheckContext): Promise<void> => {
    const { length: rows } = await readAnswers(paths);
    hooks.onRows?.({ name: paths.responses, isHeldOut: false, kind: "examples", rows, kept: rows });
    await checkStart(context, [step]);
  };
  return await withRun(
    config,
    { needs: needsOf([step]), hooks, finished, check, remove },
    async (context) => ({ path, report: await runStage(context, step, () => labelStage(context, step)) }),
  );
}

/** The numbers of a labeling that is done, as they were logged. */
async function keptReport(
  folder: string,
  { iteration, path }: { iteration: number; path: string },
): Promise<LabelReport> {
  const { stages } = await readRun(folder);
  const line = stages.find((stage) => stage.stage === "label" && stage.iteration === iteration);
  const { lines } = await readLines(path);
  const judged = lines.filter(({ line }) =>
    typeof line.score_human === "number" && typeof line.score_generated === "number"
  );
  return reportOfMetrics(line?.values ?? {}, { pairs: lines.length, judged: judged.length });
}

/** What a training stage that runs alone has made. */
export interface TrainedModel {
  /** Folder of the model, or of the adapter if only that is handed out. */
  model: string;
  /** The last logged numbers. */
  last: StepMetrics;
}

/**
 * Trains on the config's `pairs`: writes OUTPUT_DIR/model/, config.yaml, stage.yaml, noise.safetensors (with noise),
 * metrics.jsonl and report.html.
 *
 * @example
 * ```ts
 * import { loadConfig, runGenerate, runLabel, runOptimize } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * const set = [
 *   `output_dir=${await Deno.makeTempDir()}`,
 *   "data.limit=16",
 *   "data.eval=null",
 *   "training.max_steps=1",
 * ];
 * const config = await loadConfig("examples/quickstart/config.yaml", { set });
 * await runGenerate(config);
 * const { path: pairs } = await runLabel(config, { judge: ({ response }) => -response.length });
 * const { last } = await runOptimize({ ...config, pairs });
 * // Where policy and reference are the same, the loss is near ln 2: the noise is all that differs.
 * assert.ok(Math.abs(last.loss! - Math.LN2) < 0.1);
 * ```
 */
export async function runOptimize(
  config: ResolvedConfig,
  hooks: RunHooks = {},
): Promise<TrainedModel> {
  requireFor("optimize", config);
  return await runTraining(config, hooks, "optimize");
}

/**
 * Trains on the human responses of the data: writes OUTPUT_DIR/model/, config.yaml, stage.yaml, metrics.jsonl and
 * report.html.
 *
 * @example
 * ```ts
 * import { loadConfig, runSft } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * const set = [
 *   `output_dir=${await Deno.makeTempDir()}`,
 *   "data.limit=16",
 *   "data.eval=null",
 *   "training.max_steps=1",
 * ];
 * const config = await loadConfig("examples/quickstart/config.yaml", { set });
 * const { model, last } = await runSft(config);
 * assert.ok(last.loss! > 0 && model.endsWith("/model"));
 * ```
 */
export async function runSft(
  config: ResolvedConfig,
  hooks: RunHooks = {},
): Promise<TrainedModel> {
  requireFor("sft", config);
  return await runTraining(config, hooks, "sft");
}

async function runTraining(
  config: ResolvedConfig,
  given: RunHooks,
  stage: TrainingStage,
): Promise<TrainedModel> {
  const hooks = withoutIteration(given);
  const step = optimizeStep(config, stage === "sft" ? "sft" : "pairs");
  const { output_dir: folder } = config;
  checkSteps([step], hooks);
  const model = foldersOf(step.makes)[0]!;
  const work: StageWork = { stage, config, settings: step.settings };
  const base = { of: folder, what: `${stage} in ${folder}`, advice: BEGIN_ADVICE };
  const finished = async (context: FolderContext): Promise<TrainedModel | null> => {
    const { checksums, sources, onNote } = context;
    await checkStage(work);
    const isBegun = await hasTrained(folder);
    await checksums.beginWith(await sources.model(config.model!), { ...base, isBegun });
    if (!isBegun || !await isHandedOut(context, step)) return null;
    if (!await exists(runPaths(folder).report)) await writeReport(folder);
    onNote(`The run of ${stage} in ${folder} was complete already; nothing is trained (--force begins it anew)`);
    return { model, last: await lastMetrics(folder, config.iteration) };
  };
  const remove = async (): Promise<void> => {
    if (stage === "optimize") await checkNotRead(folder, splitRowRange(config.pairs!).name);
    await removeTraining(folder);
  };
  const check = async (context: CheckContext): Promise<void> => {
    await checkBase(context.sources, config);
    await checkStart(context, [step], hooks);
  };
  return await withRun(
    config,
    { needs: needsOf([step]), trains: true, hooks, finished, check, remove },
    async (context) => {
      await fixStage(work);
      const last = await runStage(context, step, () => optimizeStage(context, step));
      await warnOfOwnLoss(context, step.settings);
      await writeReport(folder);
      return { model, last };
    },
  );
}

/** The hooks of a stage that trains alone: its progress is of no iteration, though its numbers are logged with one. */
function withoutIteration({ onProgress, ...hooks }: RunHooks): RunHooks {
  return { ...hooks, ...onProgress && { onProgress: ({ iteration: _, ...event }) => onProgress(event) } };
}

/** Warns of the mean loss of a stage's logged lines. */
async function warnOfOwnLoss(context: RunContext, settings: IterationConfig): Promise<void> {
  const { steps } = await readRun(settings.output_dir);
  const mean = (name: string): number | undefined => {
    const values = steps.filter(({ iteration }) => iteration === settings.iteration).flatMap(({ values }) =>
      values[name] ?? []
    );
    return values.length === 0 ? undefined : values.reduce((a, b) => a + b, 0) / values.length;
  };
  warnOfLoss(context, { loss: mean("loss"), margins: mean("rewards/margins"), settings });
}

/** The numbers of the last step that a stage has logged. */
async function lastMetrics(folder: string, iteration: number): Promise<StepMetrics> {
  const { steps } = await readRun(folder);
  const { learning_rate: _, epoch: __, num_tokens: ___, ...metrics } =
    steps.findLast((step) => step.iteration === iteration)?.values ?? {};
  return metrics;
}
