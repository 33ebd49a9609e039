/** Which model a path or name means. @module */
import { join } from "node:path";
import { filesWithBase } from "../checkpoint/adapted_files.ts";
import { ADAPTER_CONFIG } from "../checkpoint/adapter_folder.ts";
import { UserError } from "../error.ts";
import { exists } from "../files/io.ts";
import type { ModelFiles } from "../files/model_files.ts";
import { refuseCredentials } from "../hub/hub_spec.ts";
import { runPaths } from "./run_paths.ts";

/**
 * Finds the folder of a model or an adapter: `path` itself, or `model/` or else `adapter/` in it if `path` is a run's
 * folder. If nothing is at `path`, it is a name whose folder `resolve` finds. Throws a UserError if `path` is there, but
 * is neither.
 */
export async function modelFolderOf(path: string, resolve: (name: string) => Promise<string>): Promise<string> {
  refuseCredentials(path);
  const { model, adapter } = runPaths(path);
  for (const folder of [path, model, adapter]) {
    for (const file of ["config.json", ADAPTER_CONFIG]) if (await exists(join(folder, file))) return folder;
  }
  if (!await exists(path)) return await resolve(path);
  throw new UserError(
    `Cannot open a model in ${path}: there is no config.json, expected a model's folder or a run's with ${
      join("model", "config.json")
    }`,
  );
}

/**
 * The files of the model in `folder`; of an adapter, with those of its base, whose folder `resolve` finds by its path or
 * by its name and revision on the hub. Throws a UserError.
 */
export async function modelFiles(folder: string, resolve: (name: string) => Promise<string>): Promise<ModelFiles> {
  return await filesWithBase(
    folder,
    async (name, revision) => await resolve(revision === null || await exists(name) ? name : `${name}@${revision}`),
  );
}
