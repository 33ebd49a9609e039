/** The run's metrics.jsonl and timings.jsonl. @module */
import { LineLog, type MetricsLine } from "../files/json_lines.ts";
import { openSinks } from "./metrics_sinks.ts";
import type { RunContext } from "./run_context.ts";
import { runPaths } from "./run_paths.ts";

/** The stages that write lines, in the order of an iteration. */
const STAGES = ["generate", "label", "optimize", "evaluate"] as const;

/** A stage that writes lines. */
export type LoggedStage = typeof STAGES[number];

/**
 * Opens metrics.jsonl to go on with `stage` of iteration `iteration` after `step` steps. Later lines, which a stopped
 * run left behind, are dropped and will be written again.
 */
export async function openMetrics(
  context: RunContext,
  { stage, iteration, step = 0 }: { stage: LoggedStage; iteration: number; step?: number },
): Promise<LineLog> {
  const at = STAGES.indexOf(stage);
  const keep = (line: MetricsLine): boolean => {
    if (line.iteration !== iteration) return Number(line.iteration) < iteration;
    const of = STAGES.findIndex((name) => name === (line.stage ?? "optimize"));
    return of < at || (of === at && stage === "optimize" && Number(line.step) <= step);
  };
  const sink = await openSinks(context, { stage, iteration, step });
  return await LineLog.open(runPaths(context.config.output_dir).metrics, keep, sink);
}

/** Appends a line to timings.jsonl (what differs from run to run), with the peak of memory since the last line. */
export async function appendTiming({ config, device }: RunContext, line: MetricsLine): Promise<void> {
  const log = await LineLog.open(runPaths(config.output_dir).timings, () => true);
  await log.append({ ...line, device_bytes: device.peakBytes });
  device.peakBytes = device.bytes;
}
