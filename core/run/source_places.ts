/** Keeps what a run reads apart from what it writes: its output would replace the model or the rows. @module */
import { basename, dirname, isAbsolute, join, relative } from "node:path";
import type { ResolvedConfig } from "../config/config.ts";
import { splitRowRange } from "../data/formats/row_range.ts";
import { UserError } from "../error.ts";
import { fileSystem } from "../files/file_system.ts";
import { isFolder } from "../files/io.ts";
import { runPaths } from "./run_paths.ts";
import type { Need } from "./run_sources.ts";

/** Folder of an iteration. */
const ITERATION = /^iteration-\d+$/;

/**
 * Throws a UserError if a local model or data set that the run needs lies where the run writes: in the folder of its
 * models or of an iteration, under the name of one of its files, or if it is the run's folder itself. Pairs that
 * `optimize` is given may be those of an iteration.
 */
export async function checkSourcePlaces(
  { output_dir: folder, pairs }: Pick<ResolvedConfig, "output_dir" | "pairs">,
  needs: readonly Need[],
): Promise<void> {
  const place = await realPath(folder);
  // Nothing lies in a folder that is not there yet.
  if (place === null) return;
  const own = new Set(Object.values(runPaths(folder)).map((path) => basename(path)));
  for (const need of needs) {
    const isModel = need.kind === "model" || need.kind === "adapter";
    const what = isModel ? need.kind : "data";
    const mayBePairs = need.kind === "data" && need.source === pairs;
    for (const name of isModel ? [need.name] : setNames(need.source)) {
      const source = isModel ? await realPath(name) : await placeOf(name);
      if (source === null) continue;
      // A folder of data is read with its `data/`.
      const isWhole = source === place || what === "data" && await isFolder(source) && join(source, "data") === place;
      const below = relative(place, source);
      const [first] = isAbsolute(below) ? [".."] : below.split(/[\\/]/);
      const isWritten = own.has(first!) || ITERATION.test(first!) && !mayBePairs;
      if (!isWhole && !isWritten) continue;
      throw new UserError(
        `Cannot run in ${folder}: the ${what} ${name} ${
          isWhole ? "is that folder" : "lies where the run writes"
        }, expected another output_dir`,
      );
    }
  }
}

/** What a source is called, set by set. */
function setNames(source: Extract<Need, { source: unknown }>["source"]): string[] {
  return (typeof source === "string" ? [source] : source).map((entry) =>
    typeof entry === "string" ? entry : entry.path
  );
}

/** Where a name is: the name may end with a slice, or with the split of a folder. Null for one of the hub. */
async function placeOf(name: string): Promise<string | null> {
  const whole = await realPath(name);
  if (whole !== null) return whole;
  const path = splitRowRange(name).name;
  return await realPath(path) ?? await realPath(dirname(path));
}

/** The path without links; null if there is nothing. */
async function realPath(path: string): Promise<string | null> {
  return await fileSystem().realPath(path).catch(() => null);
}
