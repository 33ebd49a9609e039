/** The run's metrics.jsonl and timings.jsonl. @module */
import { LineLog, type MetricsLine } from "../files/json_lines.ts";
import { isEvaluationLine } from "./evaluation_line.ts";
import { openSinks } from "./metrics_sinks.ts";
import type { RunContext } from "./run_context.ts";
import { iterationPaths, runPaths } from "./run_paths.ts";
import { hasStageWork, hasTrained, holdsAnything, iterationsIn, trainedIn } from "./run_work.ts";

/** The stages that write lines, in the order of an iteration. */
const STAGES = ["generate", "label", "optimize", "evaluate"] as const;

/** A stage that writes lines. */
export type LoggedStage = typeof STAGES[number];

/**
 * Opens metrics.jsonl to go on with `stage` of iteration `iteration` after `step` steps. Its own lines from there on,
 * which a stopped run left behind, are dropped and will be written again; so are those of later stages whose work is not
 * there any more.
 */
export async function openMetrics(
  context: RunContext,
  { stage, iteration, step = 0 }: { stage: LoggedStage; iteration: number; step?: number },
): Promise<LineLog> {
  const { output_dir: folder } = context.config;
  const at = STAGES.indexOf(stage);
  const stands = await standing(folder, iteration);
  const keep = (line: MetricsLine): boolean => {
    const of = STAGES.findIndex((name) => name === (line.stage ?? "optimize"));
    if (line.iteration !== iteration) return Number(line.iteration) < iteration || stands(Number(line.iteration), of);
    if (of !== at) return of < at || stands(iteration, of);
    if (stage !== "optimize") return false;
    // The evaluation after a step is made again where a state of that step goes on.
    return Number(line.step) < step || Number(line.step) === step && !isEvaluationLine(line);
  };
  const isLater = (later: number): boolean => stands(later, STAGES.length);
  const sink = await openSinks(context, { stage, iteration, step, stands: isLater, keep });
  return await LineLog.open(runPaths(folder).metrics, keep, sink);
}

/**
 * Which lines of later stages stand: of the iteration itself those whose stage has left its work; of later iterations
 * those that have any, or, of optimizer steps, that a stage which ran alone may have taken.
 */
async function standing(folder: string, iteration: number): Promise<(iteration: number, stage: number) => boolean> {
  const own = iterationPaths(folder, iteration);
  const [label, optimize] = [STAGES.indexOf("label"), STAGES.indexOf("optimize")];
  const alone = await hasTrained(folder) && await holdsAnything(runPaths(folder).stage);
  const left = new Set<number>();
  if (await holdsAnything(own.pairs)) left.add(label);
  if (alone || await trainedIn(own) !== null) left.add(optimize);
  const later = new Set<number>();
  for (const k of await iterationsIn(folder)) {
    if (k > iteration && await hasStageWork(iterationPaths(folder, k))) later.add(k);
  }
  return (k, stage) => k === iteration ? left.has(stage) : later.has(k) || (alone && stage === optimize);
}

/** Appends a line to timings.jsonl (what differs from run to run), with the peak of memory since the last line or stage. */
export async function appendTiming({ config, device }: RunContext, line: MetricsLine): Promise<void> {
  const log = await LineLog.open(runPaths(config.output_dir).timings, () => true);
  await log.append({ ...line, device_bytes: device.peakBytes });
  device.peakBytes = device.bytes;
}
