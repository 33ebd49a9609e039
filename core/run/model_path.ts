/** Which model a path or name means. @module */
import { join } from "node:path";
import { UserError } from "../error.ts";
import { exists } from "../files/io.ts";
import { runPaths } from "./run_paths.ts";

/**
 * The model folder that `path` is, or that a run's folder holds (its `model/`); what is no path at all is a name, which
 * `resolve` finds the folder of. Throws a UserError where a path is neither.
 */
export async function modelFolderOf(path: string, resolve: (name: string) => Promise<string>): Promise<string> {
  if (await exists(join(path, "config.json"))) return path;
  const { model } = runPaths(path);
  if (await exists(join(model, "config.json"))) return model;
  if (!await exists(path)) return await resolve(path);
  throw new UserError(
    `Cannot open a model in ${path}: there is no config.json, expected a model's folder or a run's with ${
      join("model", "config.json")
    }`,
  );
}
