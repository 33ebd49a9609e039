/** The whole loop: generate, label, optimize, evaluate, iteration by iteration. @module */
import { openAdapterFolder } from "../checkpoint/adapter_folder.ts";
import { openModelFolder } from "../checkpoint/model_folder.ts";
import { judgeModels, requireFor, type ResolvedConfig } from "../config/config.ts";
import { dtypeOfName } from "../dtype.ts";
import { withAdvice } from "../error.ts";
import { writeFileAtomic } from "../files/atomic.ts";
import { exists } from "../files/io.ts";
import { withGivenJudge } from "../label/function_judge.ts";
import { freeModel, loadFrozenModel } from "../model/model.ts";
import { checkTrainable } from "../model/trainable_weights.ts";
import { writeReport } from "../report/write_report.ts";
import { reportEvaluation } from "../run/metrics_sinks.ts";
import { fixSettings } from "../run/resume_check.ts";
import { type RunContext, type RunHooks, throwIfStopped, withRun } from "../run/run_context.ts";
import { runPaths } from "../run/run_paths.ts";
import { givesPairs } from "../run/run_rows.ts";
import { hasWork, retrainAdvice } from "../run/run_work.ts";
import { refuseStage } from "../run/stage_record.ts";
import { evaluateStage, type Evaluation } from "./evaluate_stage.ts";
import { planFirst } from "./first_adapter.ts";
import { generateStage } from "./generate_stage.ts";
import { handOut } from "./hand_out.ts";
import { labelStage } from "./label_stage.ts";
import { dropState, optimizeStage, withChatTemplate } from "./optimize_stage.ts";
import { runStage } from "./run_stage.ts";
import { type IterationSummary, type RunSummary, summarizeRun } from "./run_summary.ts";
import { handedOut, needsOf, type OptimizeStep, type Round, type Step, trainSchedule } from "./schedule.ts";
import { checkJudging, checkSteps, labelsLeft } from "./schedule_checks.ts";

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
  await checkJudging(known);
  const needs = needsOf(stepsOf(trainSchedule(config, { hasPairs: false })));
  return await withRun(config, { needs, hooks }, async (context) => {
    const schedule = trainSchedule(config, { hasPairs: await givesPairs(context) });
    checkSteps(stepsOf(schedule), hooks);
    await checkJudging(stepsOf(schedule));
    await refuseStage(config.output_dir);
    const isBegun = await hasWork(config.output_dir);
    await fixSettings(config);
    const { method, iterations } = config;
    const run = async (): Promise<RunSummary> => {
      await beginWithModels(context, { schedule, isBegun });
      if (await isComplete(config, schedule)) {
        context.onNote(`The run in ${config.output_dir} was complete already; nothing is trained`);
      }
      return await runSchedule(context, schedule, hooks);
    };
    return await context.telemetry.span("train", { method, iterations }, run);
  });
}

/** Records the base model and the judges of the steps that are left, or throws a UserError if one is not as before. */
async function beginWithModels(
  { config, checksums, sources }: RunContext,
  { schedule, isBegun }: { schedule: readonly Round[]; isBegun: boolean },
): Promise<void> {
  const { output_dir: of } = config;
  const shared = { isBegun, what: `the run in ${of}`, advice: "give another output_dir or delete the folder" };
  const base = await sources.model(config.model!);
  // Known at once, and not after answers were generated and judged.
  const files = await sources.filesIn(base);
  const folder = await openModelFolder(files);
  if (config.lora === undefined) checkTrainable(folder);
  else if (!files.adapter) await planFirst(sources, folder.config, config.lora);
  await checksums.beginWith(base, { of, ...shared });
  const left = await labelsLeft(stepsOf(schedule));
  for (const name of new Set(left.flatMap(({ settings }) => judgeModels(settings.labels)))) {
    await checksums.judgeWith(name, await sources.model(name), shared);
  }
}

/** Whether all models and evaluations of the schedule are there, and what is handed out. */
async function isComplete(config: ResolvedConfig, schedule: readonly Round[]): Promise<boolean> {
  const made = stepsOf(schedule).flatMap((step) =>
    step.stage === "optimize" ? foldersOf(step.makes) : step.stage === "evaluate" ? [step.paths.evaluation] : []
  );
  for (const path of [...made, ...foldersOf(handedOut(config))]) {
    if (!await exists(path)) return false;
  }
  return true;
}

function foldersOf({ model, adapter }: OptimizeStep["makes"]): string[] {
  return [model, adapter].filter((folder) => folder !== null);
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
  const evaluations = new Map<number, Evaluation>();
  let summary: RunSummary | undefined;
  for (const { iteration, steps } of schedule) {
    if (iteration >= 0) {
      await makeModel(context, steps);
      throwIfStopped(context);
    }
    for (const step of steps) {
      if (step.stage !== "evaluate") continue;
      const evaluation = await runStage(context, step, () => evaluateStage(context, step));
      evaluations.set(iteration, evaluation);
      await reportEvaluation(context, { iteration, evaluation });
    }
    summary = await summarizeRun(folder, { model: foldersOf(handedOut(config))[0]!, evaluations, last: iteration });
    await writeFileAtomic(runPaths(folder).summary, JSON.stringify(summary, null, 2) + "\n");
    onIteration?.(summary.iterations.at(-1)!);
  }
  await handOutLast(context, schedule);
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
      else if (step.stage === "label" && !await exists(pairs)) {
        await runStage(context, step, () => labelStage(context, step));
      }
    }
  }
  // What an earlier process made is not trusted, but read.
  await context.checksums.checkModel(made!);
  const opened = makes.adapter === null ? openModelFolder(made!) : openAdapterFolder(made!);
  await withAdvice<unknown>(opened, await retrainAdvice(made!));
  await dropState(paths);
}

function optimizeOf(steps: readonly Step[]): OptimizeStep {
  return steps.find((step) => step.stage === "optimize")!;
}

/** Hands out what the last iteration made, a model in the config's storage type, or else the source's. */
async function handOutLast(context: RunContext, schedule: readonly Round[]): Promise<void> {
  const { config, device, sources } = context;
  const from = await sources.filesIn(await sources.model(config.model!));
  const source = await withChatTemplate(await openModelFolder(from), config.data);
  const [made] = foldersOf(optimizeOf(schedule.at(-1)!.steps).makes);
  const model = await loadFrozenModel(device, await sources.filesIn(made!), config);
  try {
    const dtype = dtypeOfName(config.dtype) ?? source.dtype;
    await handOut(context, {
      model: { ...model, folder: source },
      makes: handedOut(config),
      dtype,
    });
  } finally {
    freeModel(model);
  }
}
