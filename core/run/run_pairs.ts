/** The pairs in a run's folder. @module */
import { exists } from "../files/io.ts";
import { iterationPaths, stagePaths } from "./run_paths.ts";

/**
 * The file of pairs in the run's folder `run`: that of the iteration, or else of the last one that has pairs, or else
 * of a stage that ran alone; null if there is none, also if `run` is no folder.
 */
export async function findRunPairs(run: string, iteration?: number): Promise<string | null> {
  if (iteration !== undefined) {
    const { pairs } = iterationPaths(run, iteration);
    return await exists(pairs) ? pairs : null;
  }
  const found: number[] = [];
  if (!(await Deno.stat(run).catch(() => null))?.isDirectory) return null;
  for await (const { name } of Deno.readDir(run)) {
    const k = /^iteration-(\d+)$/.exec(name)?.[1];
    if (k !== undefined && await exists(iterationPaths(run, Number(k)).pairs)) found.push(Number(k));
  }
  const { pairs } = found.length > 0 ? iterationPaths(run, Math.max(...found)) : stagePaths(run);
  return await exists(pairs) ? pairs : null;
}
