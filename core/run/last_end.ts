/** How the last process that worked on a run ended, as far as the run's log tells. @module */
import { objectOf, readOptionalText } from "../files/io.ts";
import type { LogLine } from "./run_journal.ts";
import { runPaths } from "./run_paths.ts";

/** The end of a process. */
export interface LastEnd {
  /** How it ended; null if it began and told no end: it was killed, or is still at work. */
  end: NonNullable<LogLine["end"]> | null;
  /** First line of the error that it failed with. */
  problem?: string;
}

/** What is known of a process that told no end, and is not at work. */
export const KILLED = "its process told no end: it was killed, or the machine went down";

/** The end of the last process that lines of a log tell of; null if they tell of none. */
export function endOf(log: readonly Pick<LogLine, "begin" | "end" | "problem">[]): LastEnd | null {
  const last = log.findLast(({ begin, end }) => begin !== undefined || end !== undefined);
  if (last === undefined) return null;
  if (last.end !== "done" && last.end !== "stopped" && last.end !== "failed") return { end: null };
  const problem = typeof last.problem === "string" ? last.problem.split("\n")[0]! : "";
  return { end: last.end, ...(problem !== "" && { problem }) };
}

/** The same of the log in a run's folder; null if there is none. What is torn in it is passed over. */
export async function lastEnd(folder: string): Promise<LastEnd | null> {
  const text = await readOptionalText(runPaths(folder).log).catch(() => null);
  if (text === null) return null;
  return endOf(text.split("\n").flatMap((line) => (objectOf(line) as Partial<LogLine> | null) ?? []));
}
