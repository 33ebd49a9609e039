/** The lock that lets only one process work in a run's folder. @module */
import { UserError } from "../error.ts";
import { writeAll } from "../files/atomic.ts";
import { explainIoError } from "../files/io.ts";
import { runPaths } from "./run_paths.ts";

/** Who asks whether a run is at work holds its lock for an instant; such a moment is waited for. */
const ATTEMPTS = 3;
const PAUSE_MS = 20;

/**
 * Locks a run's folder until the result is disposed of. The operating system holds the lock, so that it ends with the
 * process, however that ends. Throws a UserError naming the process if another one holds it.
 */
export async function lockFolder(folder: string): Promise<Disposable> {
  const path = runPaths(folder).lock;
  const explained = (error: unknown): never => {
    throw explainIoError(error, `Cannot write to the run's folder ${folder}`);
  };
  const file = await Deno.open(path, { read: true, write: true, create: true }).catch(explained);
  let isLocked = await file.tryLock(true).catch(explained);
  for (let again = 0; !isLocked && again < ATTEMPTS; again++) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    isLocked = await file.tryLock(true).catch(explained);
  }
  if (!isLocked) {
    file.close();
    const owner = (await Deno.readTextFile(path).catch(() => "")).trim();
    throw new UserError(
      `Cannot run in ${folder}: ${
        /^\d+$/.test(owner) ? `process ${owner}` : "another process"
      } is running there; wait for it or give another output_dir`,
    );
  }
  try {
    await file.truncate(0);
    await writeAll(file, new TextEncoder().encode(`${Deno.pid}\n`));
  } catch (error) {
    file.close();
    explained(error);
  }
  return { [Symbol.dispose]: () => file.close() };
}

/** Whether a process holds the run's lock. A lock that cannot be opened counts as free. */
export async function isLocked(folder: string): Promise<boolean> {
  try {
    using file = await Deno.open(runPaths(folder).lock, { read: true, write: true });
    // A shared lock, so that two processes that ask at once do not see each other.
    return !await file.tryLock(false);
  } catch {
    return false;
  }
}
