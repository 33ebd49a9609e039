/** What a run's folder holds already: work that is finished is told, and nothing of it is written again. @module */
import { openAdapterFolder } from "../checkpoint/adapter_folder.ts";
import { openModelFolder } from "../checkpoint/model_folder.ts";
import { changedFiles, holdsWeights } from "../checkpoint/written_model.ts";
import type { ResolvedConfig } from "../config/config_types.ts";
import { dtypeOfName } from "../dtype.ts";
import { withAdvice } from "../error.ts";
import { exists, readOptionalText } from "../files/io.ts";
import { join } from "../files/path.ts";
import type { FolderContext } from "../run/run_context.ts";
import { iterationPaths, runPaths, stagePaths } from "../run/run_paths.ts";
import { retrainAdvice } from "../run/run_work.ts";
import { isPatienceOver } from "./best_iteration.ts";
import { keptEvaluation } from "./evaluate_stage.ts";
import { keptBenchmarks, readBenchmarks } from "./kept_benchmarks.ts";
import { type Measured, nothingMeasured } from "./measured.ts";
import { type RunSummary, summarizeRun, summaryText } from "./run_summary.ts";
import { handedOut, type OptimizeStep, type Round, type Step } from "./schedule.ts";

/** The summary of a run of `train` that is finished; null if anything is left to do. Throws a UserError. */
export async function finishedRun(context: FolderContext, schedule: readonly Round[]): Promise<RunSummary | null> {
  const { config, checksums } = context;
  const { output_dir: folder } = config;
  const measured = nothingMeasured();
  let [last, isStopped] = [schedule[0]!, false];
  for (const round of schedule) {
    const { iteration, steps } = round;
    for (const step of steps) {
      if (step.stage === "optimize") {
        if (!await isMade(context, step)) return null;
      } else if (step.stage === "evaluate") {
        const evaluation = await keptEvaluation(context, step.paths.evaluation);
        if (evaluation === null) return null;
        measured.evaluations.set(iteration, evaluation);
      } else if (step.stage === "benchmark") {
        const record = await keptBenchmarks(context, step);
        if (record === null) return null;
        measured.benchmarks.set(iteration, record);
      }
    }
    await keepMeasured(context, { measured, iteration });
    last = round;
    isStopped = await endsEarly(config, { schedule, iteration, measured });
    if (isStopped) break;
  }
  const makes = handedOut(config);
  const model = foldersOf(makes)[0]!;
  const summary = await summarizeRun(config, { model, measured, last: last.iteration, isStopped });
  const made = madeIn(schedule, summary.best?.iteration ?? last.iteration);
  for (const dir of foldersOf(makes)) {
    if (!checksums.isFrom(dir, made) || !await isAsWritten(context, dir)) return null;
  }
  if (!await hasDtype(context, makes)) return null;
  const { summary: path, report } = runPaths(folder);
  return await readOptionalText(path) === summaryText(summary) && await exists(report) ? summary : null;
}

/**
 * Whether the run ends after `iteration`, though more are planned: its patience is over, and the next iteration's model,
 * which would be kept, is not there.
 */
export async function endsEarly(
  config: ResolvedConfig,
  { schedule, iteration, measured }: { schedule: readonly Round[]; iteration: number; measured: Measured },
): Promise<boolean> {
  const isLast = iteration === schedule.at(-1)!.iteration;
  return !isLast && isPatienceOver(config, measured) && !await exists(madeIn(schedule, iteration + 1));
}

/** The folder of the model, or of the adapter, that an iteration makes. */
export function madeIn(schedule: readonly Round[], iteration: number): string {
  const round = schedule.find((round) => round.iteration === iteration)!;
  // Within a run a step makes one of the two.
  return foldersOf(optimizeOf(round.steps).makes)[0]!;
}

/** The step of an iteration that trains. */
export function optimizeOf(steps: readonly Step[]): OptimizeStep {
  return steps.find((step) => step.stage === "optimize")!;
}

/** Adds what was measured of an iteration and is there, though the config does not ask for it any more. */
export async function keepMeasured(
  context: FolderContext,
  { measured: { evaluations, benchmarks }, iteration }: { measured: Measured; iteration: number },
): Promise<void> {
  const { output_dir: folder, data, evaluate } = context.config;
  const paths = iteration < 0 ? stagePaths(folder) : iterationPaths(folder, iteration);
  const evaluation = data.eval === undefined ? await keptEvaluation(context, paths.evaluation) : null;
  if (evaluation !== null) evaluations.set(iteration, evaluation);
  const record = evaluate === undefined ? await readBenchmarks(context, paths.benchmarkNumbers) : null;
  if (record !== null) benchmarks.set(iteration, record);
}

/** Whether what a stage that runs alone hands out is there, as it was written. */
export async function isHandedOut(
  context: FolderContext,
  { makes, noise, settings, paths }: OptimizeStep,
): Promise<boolean> {
  for (const dir of foldersOf(makes)) if (!await exists(dir) || !await isAsWritten(context, dir)) return false;
  if (await exists(paths.state)) return false;
  return noise === null || settings.noise === "none" || await exists(noise);
}

/** The folders that a step makes. */
export function foldersOf({ model, adapter }: OptimizeStep["makes"]): string[] {
  return [model, adapter].filter((folder) => folder !== null);
}

/** Whether an iteration's model is there. What an earlier process made is not trusted, but read. */
async function isMade({ checksums }: FolderContext, { makes, paths }: OptimizeStep): Promise<boolean> {
  const [made] = foldersOf(makes);
  if (!await exists(made!)) return false;
  await checkMade(checksums, made!, makes);
  return !await exists(paths.state);
}

/** Throws a UserError if a model, or an adapter, that the run made is damaged. */
export async function checkMade(
  checksums: FolderContext["checksums"],
  made: string,
  { adapter }: OptimizeStep["makes"],
): Promise<void> {
  await checksums.checkModel(made);
  const opened = adapter === null ? openModelFolder(made) : openAdapterFolder(made);
  await withAdvice<unknown>(opened, await retrainAdvice(made));
}

/** Whether a folder that was handed out has the weights that it had; other files of it may be edited by hand. */
async function isAsWritten({ checksums, onNote }: FolderContext, dir: string): Promise<boolean> {
  const were = checksums.writtenIn(dir);
  // A run that ended before there were checksums is taken as it is.
  if (were === undefined) return await exists(dir);
  if (!await exists(dir)) return false;
  const edited: string[] = [];
  for await (const { name } of changedFiles(dir, were)) {
    if (holdsWeights(name)) return false;
    edited.push(name);
  }
  for (const name of edited) onNote(`${join(dir, name)} was changed since it was written: it stays as it is`);
  return true;
}

/** Whether the model that is handed out has the storage type that the config asks for. */
async function hasDtype({ config, sources }: FolderContext, { model }: OptimizeStep["makes"]): Promise<boolean> {
  if (model === null) return true;
  const source = await openModelFolder(await sources.filesIn(await sources.model(config.model!)));
  return (await openModelFolder(model)).dtype === (dtypeOfName(config.dtype) ?? source.dtype);
}
