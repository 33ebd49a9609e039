/** Whether a run's folder holds work, or only what is there before a stage has computed anything. @module */
import { exists, fileSize, isFolder, namesIn } from "../files/io.ts";
import { basename, dirname, join } from "../files/path.ts";
import type { LastEnd } from "./last_end.ts";
import { iterationPaths, runPaths, type StagePaths, stagePaths } from "./run_paths.ts";

/** What the stages of an iteration compute. Records, caches and what is made of other files are no work. */
const WORK = [
  "responses",
  "partialResponses",
  "pairs",
  "model",
  "adapter",
  "state",
  "evaluation",
  "benchmarkNumbers",
] as const;

/** What training leaves: a model, or a state to go on from. */
const TRAINED = ["model", "adapter", "state"] as const;

/** Whether a file holds anything, or a folder a file that was written whole. */
export async function holdsAnything(path: string): Promise<boolean> {
  if (!await exists(path)) return false;
  if (await isFolder(path)) return (await namesIn(path)).some((name) => !name.endsWith(".tmp"));
  return await fileSize(path) > 0;
}

/** The first of these files that holds anything; null if none does. */
async function firstOf(paths: StagePaths, keys: readonly (keyof StagePaths)[]): Promise<string | null> {
  for (const key of keys) if (await holdsAnything(paths[key])) return paths[key];
  return null;
}

/** The numbers of the iterations that have a folder, ascending. */
export async function iterationsIn(folder: string): Promise<number[]> {
  const numbers = (await namesIn(folder)).map((name) => Number(/^iteration-(\d+)$/.exec(name)?.[1] ?? NaN));
  return numbers.filter((k) => !Number.isNaN(k)).sort((a, b) => a - b);
}

/** Whether the folder holds a run of `train`, and not of stages that ran alone: it has settings, and no stage. */
export async function isTrainRun(folder: string): Promise<boolean> {
  const { settings, stage } = runPaths(folder);
  return await exists(settings) && !await exists(stage);
}

/**
 * What `generate` and `label` have made of the last iteration in a folder where they ran alone, whole answers or pairs;
 * null where they did not, or where something was trained.
 */
async function rowsMadeIn(folder: string): Promise<"generated" | "labelled" | null> {
  const { settings, stage } = runPaths(folder);
  if (await exists(settings) || await exists(stage)) return null;
  const last = (await iterationsIn(folder)).at(-1);
  if (last === undefined) return null;
  const { responses, pairs } = iterationPaths(folder, last);
  return await exists(pairs) ? "labelled" : await exists(responses) ? "generated" : null;
}

/** The state of a run that is not done and that nobody works on, by how the last process ended. */
export async function stateAfter(
  folder: string,
  last: LastEnd | null,
): Promise<"failed" | "stopped" | "generated" | "labelled"> {
  if (last?.end === "failed") return "failed";
  return last?.end === "done" ? await rowsMadeIn(folder) ?? "stopped" : "stopped";
}

/** Whether a stage has computed something in the run's folder. */
export async function hasWork(folder: string): Promise<boolean> {
  if (await holdsAnything(runPaths(folder).metrics)) return true;
  if (await hasStageWork(stagePaths(folder))) return true;
  for (const k of await iterationsIn(folder)) if (await hasStageWork(iterationPaths(folder, k))) return true;
  return false;
}

/** Whether a stage has computed something of an iteration. */
export async function hasStageWork(paths: StagePaths): Promise<boolean> {
  return await firstOf(paths, WORK) !== null;
}

/** What an iteration's training has made or begun: a model, an adapter, or the folder of its states; null if nothing. */
export async function trainedIn(paths: StagePaths): Promise<string | null> {
  return await firstOf(paths, TRAINED);
}

/** Whether a training stage that runs alone has saved a state to go on from, or its model. */
export async function hasTrained(folder: string): Promise<boolean> {
  return await trainedIn(stagePaths(folder)) !== null;
}

/** What to do about an iteration's model that cannot be used. Later iterations were made with it, and log after it. */
export async function retrainAdvice(model: string): Promise<string> {
  const iteration = dirname(model);
  const own = Number(/^iteration-(\d+)$/.exec(basename(iteration))?.[1] ?? NaN);
  const later = (await iterationsIn(dirname(iteration))).filter((k) => k > own);
  if (later.length === 0) return `delete ${model} to train it again`;
  const first = join(dirname(iteration), `iteration-${later[0]}`);
  return `delete ${model} and ${later.length === 1 ? first : `${first} and later ones`} to train them again`;
}
