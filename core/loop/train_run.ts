/** The whole loop: generate, label, optimize, evaluate, iteration by iteration. @module */
import { openModelFolder } from "../checkpoint/model_folder.ts";
import { judgeModels, requireFor, type ResolvedConfig } from "../config/config.ts";
import { dtypeOfName } from "../dtype.ts";
import { writeFileAtomic } from "../files/atomic.ts";
import { exists } from "../files/io.ts";
import { withGivenJudge } from "../label/function_judge.ts";
import { freeModel, loadFrozenModel } from "../model/model.ts";
import { writeReport } from "../report/write_report.ts";
import { removeRun } from "../run/begin_anew.ts";
import { checkLabels } from "../run/label_record.ts";
import { warnOfLoss, warnOfSettings } from "../run/nonsense_notes.ts";
import { BEGIN_ADVICE, checkSettings, fixSettings } from "../run/resume_check.ts";
import {
  type CheckContext,
  type FolderContext,
  type RunContext,
  type RunHooks,
  throwIfStopped,
  withRun,
} from "../run/run_context.ts";
import { runPaths } from "../run/run_paths.ts";
import { givesPairs } from "../run/run_rows.ts";
import { hasWork } from "../run/run_work.ts";
import { refuseStage, refuseUnknown } from "../run/stage_record.ts";
import { checkAnswers, checkBase, checkStart, stepsLeft } from "./check_start.ts";
import { evaluateStage } from "./evaluate_stage.ts";
import { tellEnd } from "./end_notes.ts";
import { checkMade, endsEarly, finishedRun, foldersOf, keepMeasured, madeIn, optimizeOf } from "./finished_work.ts";
import { generateStage } from "./generate_stage.ts";
import { handOut } from "./hand_out.ts";
import { labelStage } from "./label_stage.ts";
import { dropState, optimizeStage, withChatTemplate } from "./optimize_stage.ts";
import { runStage } from "./run_stage.ts";
import { type IterationSummary, type RunSummary, summarizeRun, summaryText } from "./run_summary.ts";
import { nothingMeasured, reportMeasured } from "./measured.ts";
import { dropOtherEvaluations, hasOtherEval, measureAgain, type MeasureStep } from "./other_eval_rows.ts";
import { handedOut, needsOf, type Round, type Step, trainSchedule } from "./schedule.ts";
import { checkJudging, checkPairs, checkSteps, labelsLeft } from "./schedule_checks.ts";

/** The callbacks of {@linkcode train}. */
export interface TrainHooks extends RunHooks {
  /** Gets the numbers of an iteration (−1: the start) as soon as they are known. */
  onIteration?: (summary: IterationSummary) => void;
}

/**
 * Runs the config's iterations, or the rest of them if its output_dir holds a part, and returns what
 * OUTPUT_DIR/summary.json holds. Throws UserError, DeviceError, or StoppedError if the signal stopped it.
 *
 * @example
 * ```ts
 * import { loadConfig, train } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * const set = [
 *   `output_dir=${await Deno.makeTempDir()}`,
 *   "data.limit=16",
 *   "data.eval=null",
 *   "training.max_steps=1",
 *   "iterations=1",
 * ];
 * const config = await loadConfig("examples/quickstart/config.yaml", { set });
 * // The judge may be a function: here the shorter answer is the better one.
 * const { iterations, model } = await train(config, { judge: ({ response }) => -response.length });
 * assert.equal(iterations.at(-1)!.steps, 1);
 * assert.ok(await Deno.stat(`${model}/model.safetensors`));
 * ```
 */
export async function train(given: ResolvedConfig, hooks: TrainHooks = {}): Promise<RunSummary> {
  const config = withGivenJudge(given, hooks);
  requireFor("train", config);
  // Whether dpo has pairs, or must generate answers, is known only once its rows are read; it is checked again then.
  const known = stepsOf(trainSchedule(config, { hasPairs: config.method === "dpo" }));
  checkSteps(known, hooks);
  await checkJudging(known, { isAnew: hooks.force === true });
  const needs = needsOf(stepsOf(trainSchedule(config, { hasPairs: false })));
  const remove = (): Promise<void> => removeRun(config.output_dir);
  const check = async (context: CheckContext, { isAnew }: { isAnew: boolean }): Promise<void> => {
    const hasPairs = await givesPairs(context);
    checkPairs(config, { hasPairs });
    const steps = stepsOf(trainSchedule(config, { hasPairs }));
    checkSteps(steps, hooks);
    await checkJudging(steps, { isAnew });
    await checkBase(context.sources, config);
    // Of what the folder holds, a run that begins anew reads nothing: it is removed.
    if (isAnew) return await checkStart(context, steps, hooks);
    const left = await stepsLeft(context, steps, { hasOtherEval: await hasOtherEval(context) });
    await checkAnswers(left);
    await checkStart(context, left, hooks);
  };
  return await withRun(
    config,
    { needs, trains: true, hooks, finished: finishedTrain, check, remove },
    async (context) => {
      const schedule = trainSchedule(config, { hasPairs: await givesPairs(context) });
      const isBegun = await hasWork(config.output_dir);
      if (isBegun) await dropOtherEvaluations(context, stepsOf(schedule));
      await fixSettings(config);
      warnOfSettings(context);
      const { method, iterations } = config;
      const run = async (): Promise<RunSummary> => {
        await beginWithModels(context, { schedule, isBegun });
        return await runSchedule(context, schedule, hooks);
      };
      return await context.telemetry.span("train", { method, iterations }, run);
    },
  );
}

/** The summary of a run that is finished; null if there is something to do. Throws a UserError for other work. */
async function finishedTrain(context: FolderContext): Promise<RunSummary | null> {
  const { config, onNote } = context;
  const { output_dir: folder } = config;
  await refuseStage(folder);
  await refuseUnknown(folder);
  await checkSettings(config);
  if (!await exists(runPaths(folder).settings) || !await hasWork(folder)) return null;
  // Whether answers are generated changes nothing about what has to be there at the end.
  const schedule = trainSchedule(config, { hasPairs: true });
  await beginWithModels(context, { schedule, isBegun: true });
  const steps = stepsOf(schedule);
  if (steps.some(({ stage }) => stage === "benchmark")) {
    const { checkAskedMetric } = await import("./check_benchmarks.ts");
    await checkAskedMetric(context, steps);
  }
  const summary = await hasOtherEval(context) ? null : await finishedRun(context, schedule);
  if (summary !== null) {
    onNote(`The run in ${folder} was complete already; nothing is trained (--force begins it anew)`);
  }
  return summary;
}

/** Records the base model and the judges of the steps that are left, or throws a UserError if one is not as before. */
async function beginWithModels(
  { config, checksums, sources }: FolderContext,
  { schedule, isBegun }: { schedule: readonly Round[]; isBegun: boolean },
): Promise<void> {
  const { output_dir: of } = config;
  const shared = { isBegun, what: `the run in ${of}`, advice: BEGIN_ADVICE };
  const base = await sources.model(config.model!);
  await checksums.beginWith(base, { of, ...shared });
  const left = await labelsLeft(stepsOf(schedule));
  for (const name of new Set(left.flatMap(({ settings }) => judgeModels(settings.labels)))) {
    await checksums.judgeWith(name, await sources.model(name), shared);
  }
}

function stepsOf(schedule: readonly Round[]): Step[] {
  return schedule.flatMap(({ steps }) => steps);
}

async function runSchedule(
  context: RunContext,
  schedule: readonly Round[],
  { onIteration }: TrainHooks,
): Promise<RunSummary> {
  const { config } = context;
  const { output_dir: folder } = config;
  const measured = nothingMeasured();
  const taken: MeasureStep[] = [];
  let summary: RunSummary | undefined;
  for (const { iteration, steps } of schedule) {
    if (iteration >= 0) {
      await makeModel(context, steps);
      throwIfStopped(context);
    }
    for (const step of steps) {
      if (step.stage === "evaluate") {
        measured.evaluations.set(iteration, await runStage(context, step, () => evaluateStage(context, step)));
      } else if (step.stage === "benchmark") {
        throwIfStopped(context);
        const { benchmarkStage } = await import("./benchmark_stage.ts");
        measured.benchmarks.set(iteration, await runStage(context, step, () => benchmarkStage(context, step)));
      } else continue;
      taken.push(step);
    }
    await keepMeasured(context, { measured, iteration });
    await reportMeasured(context, { iteration, measured });
    await measureAgain(context, { measured, steps: taken });
    const isStopped = await endsEarly(config, { schedule, iteration, measured });
    const model = foldersOf(handedOut(config))[0]!;
    summary = await summarizeRun(config, { model, measured, last: iteration, isStopped });
    await writeFileAtomic(runPaths(folder).summary, summaryText(summary));
    await writeReport(folder);
    const own = summary.iterations.at(-1)!;
    const trained = steps.find((step) => step.stage === "optimize");
    if (trained) warnOfLoss(context, { loss: own.loss, margins: own.rewards_margins, settings: trained.settings });
    onIteration?.(own);
    if (isStopped) break;
  }
  tellEnd(context, { summary: summary!, measured });
  const { iteration } = summary!.best ?? summary!.iterations.at(-1)!;
  await handOutFrom(context, madeIn(schedule, iteration));
  await writeReport(folder);
  return summary!;
}

/** Runs the steps that make an iteration's model, or those that a stopped run left to do. */
async function makeModel(context: RunContext, steps: readonly Step[]): Promise<void> {
  const { paths, makes } = optimizeOf(steps);
  const { pairs } = paths;
  // Within a run a step makes one of the two.
  const [made] = foldersOf(makes);
  if (!await exists(made!)) {
    for (const step of steps) {
      throwIfStopped(context);
      if (step.stage === "generate") await runStage(context, step, () => generateStage(context, step));
      else if (step.stage === "optimize") await runStage(context, step, () => optimizeStage(context, step));
      else if (step.stage !== "label") continue;
      else if (await exists(pairs)) await checkLabels(paths, step.settings);
      else await runStage(context, step, () => labelStage(context, step));
    }
  }
  await checkMade(context.checksums, made!, makes);
  await dropState(paths);
}

/** Hands out what an iteration has made in `made`, a model in the config's storage type, or else the source's. */
async function handOutFrom(context: RunContext, made: string): Promise<void> {
  const { config, device, sources } = context;
  const from = await sources.filesIn(await sources.model(config.model!));
  const source = await withChatTemplate(await openModelFolder(from), config.data);
  const model = await loadFrozenModel(device, await sources.filesIn(made), config);
  try {
    const dtype = dtypeOfName(config.dtype) ?? source.dtype;
    const makes = handedOut(config);
    await handOut(context, { model: { ...model, folder: source }, makes, dtype });
    for (const dir of foldersOf(makes)) await context.checksums.handOutFrom(dir, made);
  } finally {
    freeModel(model);
  }
}
