/** What a start that is refused leaves: nothing, so that a mistake in a config makes no run. @module */
import { UserError } from "../error.ts";
import { fileSystem } from "../files/file_system.ts";
import { exists, namesIn } from "../files/io.ts";
import { basename } from "../files/path.ts";
import { runPaths } from "./run_paths.ts";

/** What a process writes into its run's folder before it works. */
const BEFORE_WORK = ["progress", "log", "kernels", "checksums"] as const;

/** Whether a folder that this process has locked holds nothing else. */
async function isNewRun(folder: string): Promise<boolean> {
  const lock = basename(runPaths(folder).lock);
  return (await namesIn(folder)).every((name) => name === lock);
}

/**
 * Does the work in a run's folder that this process has locked. If it throws a UserError before `begin` was called, and
 * the folder held nothing at the start, what was written is removed but for the lock's file, with `isMade` that and the
 * folder as well. Nothing is removed once names of the hub were looked up. Other errors leave a log that says why: it was
 * not the user's mistake.
 */
export async function unlessRefused<T>(
  { folder, isMade }: { folder: string; isMade: boolean },
  work: (begin: () => void) => Promise<T>,
): Promise<T> {
  const isNew = await isNewRun(folder);
  let hasBegun = false;
  try {
    return await work(() => hasBegun = true);
  } catch (error) {
    // What cannot be removed stays: the error that is told is the one that counts.
    if (isNew && !hasBegun && error instanceof UserError) await removeUnbegun(folder, { isMade }).catch(() => {});
    throw error;
  }
}

async function removeUnbegun(folder: string, { isMade }: { isMade: boolean }): Promise<void> {
  // What names of the hub were found to be is kept: a download that broke off goes on with it.
  if (await exists(runPaths(folder).sources)) return;
  // Another process may wait for a lock in a folder that was there: it has to find that file.
  for (const key of isMade ? [...BEFORE_WORK, "lock"] as const : BEFORE_WORK) {
    const path = runPaths(folder)[key];
    if (await exists(path)) await fileSystem().remove(path);
  }
  if (isMade) await fileSystem().remove(folder);
}
