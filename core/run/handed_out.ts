/** Checks the model that a run has handed out, where a later command reads it. @module */
import { changedFiles, holdsWeights } from "../checkpoint/written_model.ts";
import { UserError } from "../error.ts";
import { exists } from "../files/io.ts";
import { join } from "../files/path.ts";
import { readChecksums } from "./checksum_record.ts";
import { runPaths } from "./run_paths.ts";

/**
 * Notes the configs and tokenizer's files of the run's final model, or of its adapter, that were changed since it was
 * written, and returns their paths in the run's folder: they may be edited by hand. Throws a UserError if the weights
 * were, which are then not what the run made; `otherwise` says what to do to use them all the same.
 */
export async function checkHandedOut(
  folder: string,
  { made, onNote, otherwise = "" }: {
    made: "model" | "adapter";
    onNote: (line: string) => void;
    otherwise?: string;
  },
): Promise<string[]> {
  const { checksums, settings, stage, [made]: dir } = runPaths(folder);
  // The folder's key is its path in the run's.
  const were = (await readChecksums(checksums))?.models[made];
  if (were === undefined) {
    if (await exists(settings) || await exists(stage)) {
      onNote(`${dir} has no checksum, as the run ended before there were any: it cannot be checked`);
    }
    return [];
  }
  const changed: string[] = [];
  for await (const { name, problem } of changedFiles(dir, were)) {
    const path = join(dir, name);
    if (holdsWeights(name)) {
      const advice = `run its command again to write it anew${otherwise}`;
      throw new UserError(
        `Cannot use the ${made} of the run in ${folder}: ${join(dir, problem)} as it was written; ${advice}`,
      );
    }
    onNote(`${path} was changed since it was written: it is used as it is`);
    changed.push(join(made, name));
  }
  return changed;
}
