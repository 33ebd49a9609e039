/** Which model a path or name means. @module */
import { join } from "node:path";
import { UserError } from "../error.ts";
import { exists } from "../files/io.ts";
import { refuseCredentials } from "../hub/hub_spec.ts";
import { checkHandedOut } from "./handed_out.ts";
import { runPaths } from "./run_paths.ts";

/**
 * Finds a model's folder: `path` itself, or `model/` in it if `path` is a run's folder. If nothing is at `path`, it is
 * a name whose folder `resolve` finds. Throws a UserError if `path` is there, but is neither, or if the weights of a run
 * are not as it wrote them; other files of its model that were changed are noted.
 */
export async function modelFolderOf(
  path: string,
  { resolve, onNote = () => {} }: {
    resolve: (name: string) => Promise<string>;
    onNote?: ((line: string) => void) | undefined;
  },
): Promise<string> {
  refuseCredentials(path);
  if (await exists(join(path, "config.json"))) return path;
  const { model } = runPaths(path);
  if (await exists(join(model, "config.json"))) {
    await checkHandedOut(path, { onNote, otherwise: `, or name ${model} to use it as it is` });
    return model;
  }
  if (!await exists(path)) return await resolve(path);
  throw new UserError(
    `Cannot open a model in ${path}: there is no config.json, expected a model's folder or a run's with ${
      join("model", "config.json")
    }`,
  );
}
