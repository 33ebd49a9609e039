/** The models of a run's iterations. @module */
import { exists } from "../files/io.ts";
import { isModelFolder } from "../run/model_path.ts";
import { iterationPaths } from "../run/run_paths.ts";
import { iterationsIn } from "../run/run_work.ts";

/** The folder of the model, or else of the adapter, of each iteration that has one, ascending; none if it is no run. */
export async function iterationModels(run: string): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  for (const k of await exists(run) ? await iterationsIn(run) : []) {
    const { model, adapter } = iterationPaths(run, k);
    const folder = await isModelFolder(model) ? model : await isModelFolder(adapter) ? adapter : null;
    if (folder !== null) found.set(k, folder);
  }
  return found;
}

/** What keeps a folder without any from being a run, for a message. */
export async function lackOf(run: string): Promise<string> {
  return await exists(run) ? "it holds none with a model" : "there is no such folder";
}
