/** The line that a command begins with. @module */
import { counted } from "../core/counted.ts";
import type { ResolvedConfig } from "../core/config/config.ts";
import { sourceName } from "../core/data/formats/data_sources.ts";
import { stagePlan } from "../core/report/stage_plan.ts";
import type { RowsRead } from "../core/run/run_context.ts";
import { RunReader } from "../core/run/run_reader.ts";
import { formatCount } from "./format_units.ts";
import { formatDuration } from "./progress_line.ts";

/** What is known when a command begins. */
export interface Opening {
  /** The device's name. */
  device: string;
  /** Whether all iterations of the config are run. */
  isWhole: boolean;
  /** What is read, if it is not the config's data. */
  rows?: string | undefined;
  /** The data sets that were read. */
  read?: readonly RowsRead[];
  /** Seconds that the run takes; null if nothing tells. Absent of a single stage. */
  seconds?: number | null;
}

/** What is run, on what and where, with the numbers of rows, and how long it takes. */
export function openingLine(
  { model, output_dir: folder, iterations, method, data: { train } }: ResolvedConfig,
  { device, isWhole, rows = train && sourceName(train), read = [], seconds }: Opening,
): string {
  const [trained, heldOut] = [false, true].map((isHeldOut) => read.find((set) => set.isHeldOut === isHeldOut));
  const name = trained?.name ?? rows;
  return [
    ...(model === undefined ? [] : [`model ${model}`]),
    ...(name === undefined ? [] : [`rows ${name}${trained === undefined ? "" : ` (${countOf(trained)})`}`]),
    ...(heldOut === undefined ? [] : [`held out ${heldOut.name} (${countOf(heldOut)})`]),
    ...(isWhole ? [`method ${method}`, counted(iterations, "iteration")] : []),
    `device ${device}`,
    `folder ${folder}`,
    ...(seconds === undefined
      ? []
      : [seconds === null ? "time known after the first steps" : `about ${formatDuration(seconds)} left`]),
  ].join(", ");
}

function countOf({ rows, kept, kind }: RowsRead): string {
  const count = kept === rows ? formatCount(rows) : `${formatCount(kept)} of ${formatCount(rows)}`;
  return kind === "examples" ? count : `${count} ${rows === 1 ? "pair" : "pairs"}`;
}

/**
 * Seconds that are left of a run that goes on to so many iterations, by what its stages took so far; null if nothing tells
 * of all of them.
 */
export async function secondsLeft(folder: string, iterations: number): Promise<number | null> {
  try {
    const run = await new RunReader(folder).read();
    const { left, isLeast } = stagePlan({ ...run, config: { ...run.config, iterations }, state: "running" });
    return isLeast || left === 0 ? null : left;
  } catch {
    // The run itself tells what is wrong with its files.
    return null;
  }
}
