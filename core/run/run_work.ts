/** Whether a run's folder holds work, or only what is written before the first stage begins. @module */
import { exists, namesIn } from "../files/io.ts";
import { basename, dirname, join } from "../files/path.ts";
import { runPaths, stagePaths } from "./run_paths.ts";

/** What is there before any work is done, or is made of the rest; generation.json is checked only beside responses. */
const NO_WORK = [
  "lock",
  "settings",
  "stage",
  "sources",
  "checksums",
  "kernels",
  "generation",
  "partialSums",
  "summary",
  "report",
  "log",
  "progress",
  "stop",
];

const WORK = new Set(
  Object.entries({ ...runPaths("."), ...stagePaths(".") })
    .filter(([key]) => !NO_WORK.includes(key)).map(([, path]) => basename(path)),
);

/** Whether a stage has written a file into the run's folder. */
export async function hasWork(folder: string): Promise<boolean> {
  const names = await namesIn(folder);
  if (names.some((name) => WORK.has(name))) return true;
  for (const name of names) {
    if (!/^iteration-\d+$/.test(name)) continue;
    if ((await namesIn(join(folder, name))).some((file) => WORK.has(file))) return true;
  }
  return false;
}

/** Whether a training stage that runs alone has saved a state to go on from, or its model. */
export async function hasTrained(folder: string): Promise<boolean> {
  const { model, adapter, state } = stagePaths(folder);
  return await exists(model) || await exists(adapter) || await exists(state);
}

/** What to do about an iteration's model that cannot be used. Later iterations were made with it, and log after it. */
export async function retrainAdvice(model: string): Promise<string> {
  const iteration = dirname(model);
  const numberOf = (name: string): number => Number(/^iteration-(\d+)$/.exec(name)?.[1] ?? NaN);
  const own = numberOf(basename(iteration));
  const later = (await namesIn(dirname(iteration))).map(numberOf).filter((k) => k > own);
  if (later.length === 0) return `delete ${model} to train it again`;
  const first = join(dirname(iteration), `iteration-${Math.min(...later)}`);
  return `delete ${model} and ${later.length === 1 ? first : `${first} and later ones`} to train them again`;
}
