/** What is said where a launcher has started several processes, and each was asked to run the whole command. @module */
import { launchedAs, type ReadVariable } from "../../core/cluster/launcher.ts";
import { WARNING } from "../../core/progress.ts";

/** A warning in one line, of the first of them alone; none where this process was started by itself. */
export function launchedAlone(read?: ReadVariable): string[] {
  const launched = launchedAs(read);
  if (launched === null || launched.size === 1 || launched.rank !== 0) return [];
  const { variable, size } = launched;
  return [
    `${WARNING}${size} processes run this command, each the whole of it, as ${variable} is ${size}: ` +
    "to run them as one job, use dnpo --mpi (deno task -q dnpo:mpi)",
  ];
}
