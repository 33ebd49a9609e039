/** The record of what an iteration's pairs were labelled with, and whether a model was trained on them. @module */
import { checkSameSettings } from "../config/config.ts";
import type { IterationConfig } from "../config/config_types.ts";
import { entryOf } from "../config/per_iteration.ts";
import { splitRowRange } from "../data/formats/row_range.ts";
import { UserError, withAdvice } from "../error.ts";
import { exists, isSamePlace, readJsonObject } from "../files/io.ts";
import { oneFile } from "../files/model_files.ts";
import { dirname } from "../files/path.ts";
import { digestFile } from "../files/stream_digest.ts";
import { BEGIN_ADVICE, readYamlRecord, writeIfOther } from "./resume_check.ts";
import { iterationPaths, runPaths, type StagePaths } from "./run_paths.ts";
import { hasStageWork, hasTrained, isTrainRun, iterationsIn, trainedIn } from "./run_work.ts";

/** Writes the settings and the digest of the responses that an iteration's pairs are made with. */
export async function fixLabels(paths: StagePaths, settings: IterationConfig): Promise<void> {
  const { iteration, labels } = settings;
  const record = { iteration, labels, responses: await digestOf(paths.responses) };
  await writeIfOther(paths.labels, JSON.stringify(record, null, 2) + "\n");
}

/**
 * Throws a UserError if an iteration's pairs were labelled with other settings. Pairs of a run of `train` that has no
 * record were labelled with that run's; of others nothing is known.
 */
export async function checkLabels(
  paths: StagePaths,
  settings: IterationConfig,
  { advice = BEGIN_ADVICE } = {},
): Promise<void> {
  const { iteration, labels, output_dir: folder } = settings;
  const was = await labelsOf(paths, settings);
  if (was === null) return;
  checkSameSettings({ labels: was.labels }, { labels }, {
    what: `label of iteration ${iteration} in ${folder}`,
    file: was.file,
    advice,
  });
}

/**
 * As {@linkcode checkLabels}, for `label` alone. Throws a UserError too if the pairs are of other responses than those
 * that are there, or if nothing says what labelled them.
 */
export async function checkLabelled(paths: StagePaths, settings: IterationConfig): Promise<void> {
  const { pairs, labels: path, responses } = paths;
  const advice = await rowsAdvice(paths, settings);
  await checkLabels(paths, settings, { advice });
  const holds = (what: string): UserError =>
    new UserError(`Cannot label iteration ${settings.iteration} again: ${pairs} ${what}; ${advice}`);
  if (await labelsOf(paths, settings) === null) throw holds("is there, and nothing says what labelled it");
  if (!await exists(path) || !await exists(responses)) return;
  const { responses: was } = await readJsonObject(path);
  if (was !== await digestOf(responses)) throw holds(`was made of other responses than those in ${responses}`);
}

/** Throws a UserError if a model was trained on an iteration's rows: they say what it was trained on. */
export async function checkNotTrained(
  stage: "generate" | "label",
  paths: StagePaths,
  { iteration, output_dir: folder }: Pick<IterationConfig, "iteration" | "output_dir">,
): Promise<void> {
  const trained = await trainedOn(paths, { iteration, folder });
  if (trained === null) return;
  throw new UserError(
    `Cannot ${stage} iteration ${iteration} in ${folder} anew: ${trained} was made with its ${
      stage === "label" ? "pairs" : "responses"
    }; give another output_dir`,
  );
}

/** What to do where an iteration's rows are to be others: those that a model was trained on are never replaced. */
export async function rowsAdvice(
  paths: StagePaths,
  { iteration, output_dir: folder }: Pick<IterationConfig, "iteration" | "output_dir">,
): Promise<string> {
  const trained = await trainedOn(paths, { iteration, folder });
  return trained === null ? BEGIN_ADVICE : `${trained} was made with them, so give another output_dir`;
}

/** What was made with an iteration's rows: its model, what is of later iterations, or the model of `optimize` alone. */
async function trainedOn(
  paths: StagePaths,
  { iteration, folder }: { iteration: number; folder: string },
): Promise<string | null> {
  const own = await trainedIn(paths);
  if (own !== null) return own;
  const { stage, model } = runPaths(folder);
  if (await exists(stage)) {
    if (!await hasTrained(folder)) return null;
    const { pairs } = await readYamlRecord(stage);
    return typeof pairs === "string" && await isSamePlace(splitRowRange(pairs).name, paths.pairs) ? model : null;
  }
  // Stages that run alone may be given an iteration's model from elsewhere.
  if (!await exists(runPaths(folder).settings)) return null;
  for (const k of await iterationsIn(folder)) {
    const later = iterationPaths(folder, k);
    if (k > iteration && await hasStageWork(later)) return dirname(later.pairs);
  }
  return null;
}

/** The settings with which an iteration's pairs were labelled, and the file that says so; null if none does. */
async function labelsOf(
  { labels: path }: StagePaths,
  { iteration, output_dir: folder }: IterationConfig,
): Promise<{ labels: unknown; file: string } | null> {
  if (await exists(path)) {
    const { labels } = await withAdvice(readJsonObject(path), "delete it and the pairs to label again");
    return { labels, file: path };
  }
  if (!await isTrainRun(folder)) return null;
  const { settings } = runPaths(folder);
  const { labels } = await readYamlRecord(settings);
  return { labels: entryOf(labels, iteration), file: settings };
}

async function digestOf(path: string): Promise<string> {
  const { files, file } = oneFile(path);
  return await digestFile(files, file);
}
