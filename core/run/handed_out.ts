/** Checks the model that a run has handed out, where a later command reads it. @module */
import { changedFiles, holdsWeights } from "../checkpoint/written_model.ts";
import { UserError } from "../error.ts";
import { exists } from "../files/io.ts";
import { join } from "../files/path.ts";
import { readChecksums } from "./checksum_record.ts";
import { runPaths } from "./run_paths.ts";

/** The model's key in checksums.json. */
const KEY = "model";

/**
 * Notes the configs and tokenizer's files of the run's final model that were changed since it was written, and returns
 * their paths in the run's folder: they may be edited by hand. Throws a UserError if the weights were, which are then
 * not what the run made; `otherwise` says what to do to use them all the same.
 */
export async function checkHandedOut(
  folder: string,
  { onNote, otherwise = "" }: { onNote: (line: string) => void; otherwise?: string },
): Promise<string[]> {
  const { checksums, model, settings, stage } = runPaths(folder);
  const were = (await readChecksums(checksums))?.models[KEY];
  if (were === undefined) {
    if (await exists(settings) || await exists(stage)) {
      onNote(`${model} has no checksum, as the run ended before there were any: it cannot be checked`);
    }
    return [];
  }
  const changed: string[] = [];
  for await (const { name, problem } of changedFiles(model, were)) {
    const path = join(model, name);
    if (holdsWeights(name)) {
      const advice = `run its command again to write it anew${otherwise}`;
      throw new UserError(
        `Cannot use the model of the run in ${folder}: ${join(model, problem)} as it was written; ${advice}`,
      );
    }
    onNote(`${path} was changed since it was written: it is used as it is`);
    changed.push(join(KEY, name));
  }
  return changed;
}
