/** The pairs in a run's folder. @module */
import { exists, isFolder } from "../files/io.ts";
import { iterationPaths, stagePaths } from "./run_paths.ts";
import { iterationsIn } from "./run_work.ts";

/**
 * The file of pairs in the run's folder `run`: that of the iteration, or else of the last one that has pairs, or else
 * of a stage that ran alone; null if there is none, also if `run` is no folder.
 */
export async function findRunPairs(run: string, iteration?: number): Promise<string | null> {
  if (iteration !== undefined) {
    const { pairs } = iterationPaths(run, iteration);
    return await exists(pairs) ? pairs : null;
  }
  if (!await isFolder(run)) return null;
  for (const k of (await iterationsIn(run)).toReversed()) {
    const { pairs } = iterationPaths(run, k);
    if (await exists(pairs)) return pairs;
  }
  const { pairs } = stagePaths(run);
  return await exists(pairs) ? pairs : null;
}
