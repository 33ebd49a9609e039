/** Removes what earlier work left in a run's folder, where a command is to begin anew: only what this program wrote. @module */
import { isEvaluationFile } from "../benchmark/result_files.ts";
import { isAdapterFile } from "../checkpoint/adapter_folder.ts";
import { isModelFile } from "../checkpoint/save_folder.ts";
import { UserError } from "../error.ts";
import { writeFileAtomic } from "../files/atomic.ts";
import { exists, isFolder, isSamePlace, namesIn, removeFile, removePath } from "../files/io.ts";
import { readLines } from "../files/json_lines.ts";
import { dirname, join } from "../files/path.ts";
import { foreignIn, removeReplaced } from "../files/replace_folder.ts";
import { iterationPaths, runPaths, type StagePaths, stagePaths } from "./run_paths.ts";
import { isTrainRun, iterationsIn } from "./run_work.ts";

/** What tells a run's folder from any other that has a model/ or a config.yaml. */
const MARKS = ["stage", "checksums", "kernels", "metrics"] as const;

/** The files of a stage, what is made of others first: a process that dies in between leaves nothing without a source. */
const STAGE_FILES = [
  "benchmarkNumbers",
  "evaluation",
  "heldOutReference",
  "reference",
  "labels",
  "pairs",
  "partialSums",
  "partialResponses",
  "responses",
  "generation",
] as const;

/**
 * Removes a whole run: its models, states, rows, logs and records, last those that say what it was. Replies of judging
 * servers stay, as they are paid for and hold for the same questions only; so do files that this program did not write.
 * Throws a UserError, with nothing removed, if one of those lies in a folder of a model.
 */
export async function removeRun(folder: string): Promise<void> {
  if (!await isRun(folder)) return;
  const all = [
    ...(await iterationsIn(folder)).toReversed().map((k) => iterationPaths(folder, k)),
    stagePaths(folder),
  ];
  for (const paths of all) await checkOwn(folder, paths);
  for (const paths of all) {
    await removeStage(paths);
    if (dirname(paths.model) !== join(folder)) await removeIfEmpty(dirname(paths.model));
  }
  const { noise, report, summary, timings, metrics, log, progress, stop } = runPaths(folder);
  for (const path of [noise, report, summary, timings, metrics, log, progress, stop]) await removeWritten(path);
  await forgetTracking(folder);
  await removeEvents(folder);
  await removeRecords(folder);
}

/**
 * As {@linkcode removeRun}, for what a training stage that ran alone has made; or the whole, if it is a run of `train`.
 * Rows of generate and label that ran alone stay, also where no training stage has begun yet.
 */
export async function removeTraining(folder: string): Promise<void> {
  if (await isTrainRun(folder)) return await removeRun(folder);
  if (!await exists(runPaths(folder).stage)) return;
  const { model, adapter, state, reference, heldOutReference } = stagePaths(folder);
  const { noise, report, summary, timings, metrics } = runPaths(folder);
  await checkOwn(folder, { model, adapter });
  await removeStates(state);
  for (const path of [model, adapter]) await removeReplaced(path);
  for (const path of [reference, heldOutReference, noise, report, summary]) await removeWritten(path);
  for (const path of [timings, metrics]) await removeLines(path);
  await forgetTracking(folder);
  await removeEvents(folder, { keepsRun: true });
  if ((await iterationsIn(folder)).length === 0) await removeRecords(folder);
  else for (const path of [runPaths(folder).settings, runPaths(folder).stage]) await removeWritten(path);
}

/** Removes an iteration's pairs, and with `responses` these as well. */
export async function removeRows(paths: StagePaths, { responses }: { responses: boolean }): Promise<void> {
  const { reference, labels, pairs, partialSums, partialResponses, generation } = paths;
  for (const path of [reference, labels, pairs]) await removeWritten(path);
  if (!responses) return;
  for (const path of [partialSums, partialResponses, paths.responses, generation]) await removeWritten(path);
}

/** Throws a UserError if a data set that a training stage is to read lies among what it would remove. */
export async function checkNotRead(folder: string, path: string): Promise<void> {
  if (!await isTrainRun(folder)) return;
  for (const k of await iterationsIn(folder)) {
    if (!await isSamePlace(dirname(path), join(folder, `iteration-${k}`))) continue;
    throw new UserError(
      `Cannot begin anew in ${folder}: ${path}, which is to be read, would be removed; give another output_dir`,
    );
  }
}

async function isRun(folder: string): Promise<boolean> {
  for (const mark of MARKS) if (await exists(runPaths(folder)[mark])) return true;
  return false;
}

async function checkOwn(folder: string, { model, adapter }: Pick<StagePaths, "model" | "adapter">): Promise<void> {
  for (const [path, own] of [[model, isModelFile], [adapter, isAdapterFile]] as const) {
    const foreign = await isFolder(path) ? await foreignIn(path, own) : null;
    if (foreign === null) continue;
    throw new UserError(
      `Cannot begin anew in ${folder}: ${join(path, foreign)} is no file of a model that this program saves; move it ` +
        "away or give another output_dir",
    );
  }
}

async function removeStage(paths: StagePaths): Promise<void> {
  await removeStates(paths.state);
  for (const path of [paths.model, paths.adapter]) await removeReplaced(path);
  for (const key of STAGE_FILES) await removeWritten(paths[key]);
  await removeBenchmarks(paths.benchmarks);
}

async function removeBenchmarks(dir: string): Promise<void> {
  for (const name of await namesIn(dir)) if (isEvaluationFile(name)) await removeFile(join(dir, name));
  await removeIfEmpty(dir);
}

async function removeStates(dir: string): Promise<void> {
  for (const name of await namesIn(dir)) {
    if (/^step-\d+\.safetensors(\.tmp)?$/.test(name)) await removeFile(join(dir, name));
  }
  await removeIfEmpty(dir);
}

/** Removes a file, and what a process that was killed left of a new one. */
async function removeWritten(path: string): Promise<void> {
  await removePath(path);
  await removePath(`${path}.tmp`);
}

/** The run begins as another one at its trackers, which keep the earlier one as they do every run. */
async function forgetTracking(folder: string): Promise<void> {
  const { tracking, trackingPoints } = runPaths(folder);
  for (const path of [trackingPoints, tracking]) await removeWritten(path);
}

/** Removes the lines of optimizer steps. */
async function removeLines(path: string): Promise<void> {
  const { lines } = await readLines(path);
  const kept = lines.filter(({ line }) => line.stage === "generate" || line.stage === "label");
  if (kept.length === 0) return await removeWritten(path);
  await writeFileAtomic(path, kept.map(({ source }) => source + "\n").join(""));
}

/** Removes TensorBoard's event files; with `keepsRun` only those of optimizer steps. */
async function removeEvents(folder: string, { keepsRun = false }: { keepsRun?: boolean } = {}): Promise<void> {
  const { tensorboard } = runPaths(folder);
  const places = (await iterationsIn(tensorboard)).map((k) => join(tensorboard, `iteration-${k}`));
  for (const place of keepsRun ? places : [...places, tensorboard]) {
    for (const name of await namesIn(place)) {
      if (/^events\.out\.tfevents\.\d+\.dnpo(\.tmp)?$/.test(name)) await removeFile(join(place, name));
    }
    await removeIfEmpty(place);
  }
}

/** Removes the records that say what a run was, the one by which it is known last. */
async function removeRecords(folder: string): Promise<void> {
  const { kernels, sources, settings, stage, checksums } = runPaths(folder);
  for (const path of [kernels, sources, settings, stage, checksums]) await removeWritten(path);
}

async function removeIfEmpty(dir: string): Promise<void> {
  if (await isFolder(dir) && (await namesIn(dir)).length === 0) await removePath(dir);
}
