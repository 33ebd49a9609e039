/** Where logged numbers go besides metrics.jsonl: TensorBoard and OpenTelemetry. @module */
import { join } from "node:path";
import { exists } from "../files/io.ts";
import type { MetricsLine } from "../files/json_lines.ts";
import { EventFile } from "./event_file.ts";
import type { RunContext } from "./run_context.ts";
import { runPaths } from "./run_paths.ts";

/** The place in a run from which lines are written. */
export interface LogPlace {
  stage: "generate" | "label" | "optimize" | "evaluate";
  iteration: number;
  /** Optimizer steps that are done. */
  step: number;
  /** Whether what was logged of a later iteration still stands. */
  stands: (iteration: number) => boolean;
}

/** Takes a line that was written to metrics.jsonl. */
export type Sink = (line: MetricsLine) => Promise<void>;

// A fixed name, so that a resumed run goes on in the same file.
const FILE = "events.out.tfevents.0.dnpo";

/** The path of the event file of the run's own numbers, or of that of an iteration's steps. */
function eventPath(folder: string, iteration?: number): string {
  const { tensorboard } = runPaths(folder);
  return iteration === undefined ? join(tensorboard, FILE) : join(tensorboard, `iteration-${iteration}`, FILE);
}

/** Opens the sinks that config and environment ask for. They drop what a stopped run logged after `place`. */
export async function openSinks({ config, telemetry }: RunContext, place: LogPlace): Promise<Sink> {
  const { iteration } = place;
  const events = config.training.report_to.includes("tensorboard") ? await openEvents(config.output_dir, place) : null;
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
    if (!events) return;
    const isStep = typeof line.step === "number";
    // Hugging Face's Trainer names its tags like this.
    const tagged = isStep
      ? Object.entries(values).map(([name, value]) => [`train/${name}`, value])
      : Object.entries(values);
    await events.append(isStep ? Number(line.step) : iteration, Object.fromEntries(tagged));
  };
}

/** Logs an evaluation, to TensorBoard only once; `iteration` is −1 for the start. */
export async function reportEvaluation(
  { config, telemetry }: RunContext,
  { iteration, evaluation }: { iteration: number; evaluation: { rows: number; loss: number; data?: string } },
): Promise<void> {
  const { rows: _, data: __, ...numbers } = evaluation;
  const values = Object.fromEntries(Object.entries(numbers).map(([name, value]) => [`eval/${name}`, value]));
  telemetry.record(values, { iteration, stage: "evaluate" });
  if (!config.training.report_to.includes("tensorboard")) return;
  // The step of an evaluation is the number of iterations that the model has been trained for.
  const step = iteration + 1;
  const events = await EventFile.open(eventPath(config.output_dir), () => true);
  if (!events.has(step, "eval/loss")) await events.append(step, values);
}

/** Drops the evaluations that were logged to TensorBoard: the models are evaluated again. */
export async function dropEvaluationEvents(folder: string): Promise<void> {
  const path = eventPath(folder);
  if (!await exists(path)) return;
  await EventFile.open(path, ({ tags }) => !tags.some((tag) => tag.startsWith("eval/")));
}

async function openEvents(folder: string, { stage, iteration, step, stands }: LogPlace): Promise<EventFile> {
  const isOptimize = stage === "optimize";
  for (let later = iteration + (isOptimize ? 1 : 0);; later++) {
    const path = join(runPaths(folder).tensorboard, `iteration-${later}`);
    if (!await exists(path)) break;
    if (!stands(later)) await Deno.remove(path, { recursive: true });
  }
  if (isOptimize) return await EventFile.open(eventPath(folder, iteration), (event) => event.step <= step);
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
