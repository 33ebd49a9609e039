/** Where logged numbers go besides metrics.jsonl: TensorBoard, other trackers and OpenTelemetry. @module */
import { join } from "node:path";
import { exists } from "../files/io.ts";
import type { MetricsLine } from "../files/json_lines.ts";
import { stepTag } from "./evaluation_line.ts";
import { EventFile } from "./event_file.ts";
import type { RunContext } from "./run_context.ts";
import { runPaths } from "./run_paths.ts";
import { idleScoreKeys } from "./telling_scores.ts";

/** The place in a run from which lines are written. */
export interface LogPlace {
  stage: "generate" | "label" | "optimize" | "evaluate";
  iteration: number;
  /** Optimizer steps that are done. */
  step: number;
  /** Whether what was logged of a later iteration still stands. */
  stands: (iteration: number) => boolean;
  /** Whether a line of metrics.jsonl still stands. */
  keep: (line: MetricsLine) => boolean;
}

/** What dropping evaluations needs of a run. */
export type EvaluationContext = Pick<RunContext, "config" | "trackers">;

/** Takes a line that was written to metrics.jsonl. */
export type Sink = (line: MetricsLine) => Promise<void>;

// A fixed name, so that a resumed run goes on in the same file.
const FILE = "events.out.tfevents.0.dnpo";

/** The path of the event file of the run's own numbers, or of that of an iteration's steps. */
function eventPath(folder: string, iteration?: number): string {
  const { tensorboard } = runPaths(folder);
  return iteration === undefined ? join(tensorboard, FILE) : join(tensorboard, `iteration-${iteration}`, FILE);
}

/**
 * Opens the sinks that config and environment ask for. They drop what a stopped run logged after `place`. What goes
 * wrong with one is a note, and no reason to stop.
 */
export async function openSinks({ config, telemetry, trackers }: RunContext, place: LogPlace): Promise<Sink> {
  const { iteration } = place;
  const open = async (): Promise<EventFile | null> =>
    config.training.report_to.includes("tensorboard") ? await openEvents(config.output_dir, place) : null;
  let events = await trackers.guard("tensorboard", open) ?? null;
  await trackers.goOn(place.keep);
  let before: { tokens: number; at: number } | undefined;
  return async (line) => {
    const values = numbersOf(line);
    const tokens = values.num_tokens;
    if (tokens !== undefined) {
      const at = performance.now();
      if (before && at > before.at) values.tokens_per_second = (tokens - before.tokens) / (at - before.at) * 1000;
      before = { tokens, at };
    }
    telemetry.record(values, { iteration, stage: place.stage });
    const isStep = typeof line.step === "number";
    const tagged: Record<string, number> = isStep
      ? Object.fromEntries(Object.entries(values).map(([name, value]) => [stepTag(name), value]))
      : values;
    await trackers.guard("tensorboard", async () => {
      const file = events;
      // After a record that was torn nothing is read; the next stage mends the file.
      events = null;
      await file?.append(isStep ? Number(line.step) : iteration, tagged);
      events = file;
    });
    await trackers.add({ stage: place.stage, iteration, ...(isStep && { step: Number(line.step) }), values: tagged });
  };
}

/** Logs the numbers of an evaluation that tell something, to trackers only once; `iteration` is −1 for the start. */
export async function reportEvaluation(
  { config, telemetry, trackers }: RunContext,
  { iteration, values: numbers }: { iteration: number; values: Readonly<Record<string, number>> },
): Promise<void> {
  const idle = idleScoreKeys([numbers]);
  const values = Object.fromEntries(
    Object.entries(numbers).filter(([name]) => !idle.has(name)).map(([name, value]) => [`eval/${name}`, value]),
  );
  telemetry.record(values, { iteration, stage: "evaluate" });
  if (!await trackers.hasEvaluation(iteration)) await trackers.add({ stage: "evaluate", iteration, values });
  if (!config.training.report_to.includes("tensorboard")) return;
  await trackers.guard("tensorboard", async () => {
    // The step of an evaluation is the number of iterations that the model has been trained for.
    const step = iteration + 1;
    const events = await EventFile.open(eventPath(config.output_dir), () => true);
    if (!Object.keys(values).some((tag) => events.has(step, tag))) await events.append(step, values);
  });
}

/** Drops the evaluations that were logged to TensorBoard and to trackers: the models are evaluated again. */
export async function dropEvaluationEvents({ config, trackers }: EvaluationContext): Promise<void> {
  await trackers.dropEvaluations();
  const path = eventPath(config.output_dir);
  if (!await exists(path)) return;
  const isOther = ({ tags }: { tags: readonly string[] }): boolean => !tags.some((tag) => tag.startsWith("eval/"));
  await trackers.guard("tensorboard", () => EventFile.open(path, isOther));
}

async function openEvents(folder: string, { stage, iteration, step, stands }: LogPlace): Promise<EventFile> {
  const isOptimize = stage === "optimize";
  for (let later = iteration + (isOptimize ? 1 : 0);; later++) {
    const path = join(runPaths(folder).tensorboard, `iteration-${later}`);
    if (!await exists(path)) break;
    if (!stands(later)) await Deno.remove(path, { recursive: true });
  }
  if (isOptimize) {
    return await EventFile.open(
      eventPath(folder, iteration),
      (event) => event.step < step || event.step === step && !event.tags.some((tag) => tag.startsWith("eval/")),
    );
  }
  return await EventFile.open(eventPath(folder), (event) => {
    if (event.step !== iteration) return event.step < iteration || stands(event.step);
    const isOf = (name: string): boolean => event.tags.some((tag) => tag.startsWith(`${name}/`));
    return isOf("eval") || (stage === "label" && isOf("generation"));
  });
}

function numbersOf(line: MetricsLine): Record<string, number> {
  const entries = Object.entries(line).filter(([name, value]) =>
    typeof value === "number" && name !== "iteration" && name !== "step"
  );
  return Object.fromEntries(entries) as Record<string, number>;
}
