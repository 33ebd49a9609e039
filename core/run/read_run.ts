/** Reads a run's folder for the report. A run that is not finished, or was not evaluated, lacks parts of it. @module */
import { basename, resolve } from "node:path";
import { parse } from "yaml";
import { type JsonObject, type JsonValue, readJsonRows } from "../data/formats/json_rows.ts";
import { UserError } from "../error.ts";
import { readOptionalText } from "../files/io.ts";
import { isRecord } from "../values.ts";
import { readChecksums } from "./checksum_record.ts";
import { isEvaluationLine } from "./evaluation_line.ts";
import { type RunPaths, runPaths } from "./run_paths.ts";
import { idleScoreKeys, withoutIdle } from "./telling_scores.ts";

/** Numbers by their names in the file. */
export type Numbers = Readonly<Record<string, number>>;

/** A logged optimizer step. */
export interface LoggedStep {
  /** From 0. */
  iteration: number;
  /** Within the iteration, from 1. */
  step: number;
  /** `loss`, `rewards/margins`, … */
  values: Numbers;
}

/** What a stage logged. */
export interface LoggedStageNumbers {
  /** From 0. */
  iteration: number;
  /** `generate` or `label`. */
  stage: string;
  /** `labels/generated_chosen`, … */
  values: Numbers;
}

/** A line of the summary. */
export interface LoggedIteration {
  /** From 0; −1 is the model at the start. */
  iteration: number;
  /** `greedy`, `sampled`, `generated_chosen`, `loss`, … */
  values: Numbers;
}

/** What is known of a run. */
export interface RunRecord {
  /** The folder's name. */
  name: string;
  /** The text of stage.yaml, whose `stage` tells which one ran alone, or else of config.yaml; null without either. */
  settings: string | null;
  /** Steps in order, each once. */
  steps: LoggedStep[];
  /** Evaluations of held-out rows within trainings (`training.eval_steps`), as `eval_loss`, …; absent without any. */
  evals?: LoggedStep[];
  /** Stages in order, each once. */
  stages: LoggedStageNumbers[];
  /** Iterations in order; empty before the summary is written. */
  iterations: LoggedIteration[];
  /** The folder of the model; null before there is one. */
  model: string | null;
  /** The iteration that is handed out as the best, and the summary's number that it is chosen by; absent if that is off. */
  best?: { iteration: number; metric: string; value: number };
  /** The iteration after which the run ended before its last one; absent if it did not. */
  endedAfter?: number;
  /** Files of rows, by their paths in the folder, that were changed by hand after the run wrote them. */
  edited: string[];
}

/**
 * Reads a run's folder, in which files may be missing. Throws a UserError that names a malformed file and line.
 *
 * @example
 * ```ts
 * import { readRun } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * const dir = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${dir}/metrics.jsonl`, '{"iteration": 0, "step": 1, "loss": 0.69}\n');
 * const { steps } = await readRun(dir);
 * assert.deepEqual(steps.map(({ values }) => values.loss), [0.69]);
 * ```
 */
export async function readRun(dir: string): Promise<RunRecord> {
  const paths = runPaths(dir);
  const summary = await readSummary(paths.summary);
  return {
    name: basename(resolve(dir)),
    settings: await readSettings(paths),
    ...await readMetrics(paths.metrics),
    ...summary,
    edited: Object.keys((await readChecksums(paths.checksums))?.edited ?? {}).sort(),
  };
}

/** Reads the text of a run's settings, the `settings` of its record. Throws a UserError if it cannot be read. */
export async function readSettings({ stage, settings }: RunPaths): Promise<string | null> {
  // A stage that ran alone has a config.yaml too, of which it read only a part.
  return await readOptionalText(stage) ?? await readOptionalText(settings);
}

/** A run's settings, parsed; empty if there are none, or they are no YAML mapping. */
export function parseSettings(text: string | null): Record<string, unknown> {
  try {
    const value: unknown = parse(text ?? "");
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}

/**
 * All numbers of each iteration by the summary's names (`labels/ties` as `ties`): those of its stages, overridden by
 * those of the summary. Of a verifier's numbers, those that tell something.
 */
export function iterationValues({ stages, iterations }: RunRecord): LoggedIteration[] {
  const known = new Map<number, Map<string, number>>();
  const put = (iteration: number, values: Numbers, name: (key: string) => string): void => {
    const row = known.get(iteration) ?? new Map<string, number>();
    for (const [key, value] of Object.entries(values)) row.set(name(key), value);
    known.set(iteration, row);
  };
  for (const { iteration, values } of stages) put(iteration, values, summaryName);
  for (const { iteration, values } of iterations) put(iteration, values, (key) => key);
  const idle = idleScoreKeys(iterations.map(({ values }) => values));
  return [...known].sort(([a], [b]) => a - b)
    .map(([iteration, values]) => ({ iteration, values: withoutIdle(Object.fromEntries(values), idle) }));
}

function summaryName(key: string): string {
  return key === "generation/length" ? "generation_length" : key.slice(key.indexOf("/") + 1);
}

async function readMetrics(path: string): Promise<Pick<RunRecord, "steps" | "evals" | "stages">> {
  // A run that was resumed may log a step again: the last line counts.
  const steps = new Map<string, LoggedStep>();
  const evals = new Map<string, LoggedStep>();
  const stages = new Map<string, LoggedStageNumbers>();
  if (await readOptionalText(path) === null) return { steps: [], stages: [] };
  // A run that was stopped may have cut off the last line: a malformed line is an error only if another one follows.
  let problem: string | null = null;
  for await (const { where, ...line } of readJsonRows(path)) {
    if (problem !== null) throw new UserError(problem);
    if ("problem" in line) {
      problem = `Cannot read ${where}: ${line.problem}`;
      continue;
    }
    const { iteration, stage, step, values } = metricsOf(line.value, where);
    if (stage !== undefined) stages.set(`${iteration} ${stage}`, { iteration, stage, values });
    else if (step !== undefined) {
      (isEvaluationLine(values) ? evals : steps).set(`${iteration} ${step}`, { iteration, step, values });
    }
  }
  return {
    steps: inOrder(steps),
    ...(evals.size > 0 && { evals: inOrder(evals) }),
    stages: [...stages.values()].sort((a, b) => a.iteration - b.iteration),
  };
}

/** Steps in the order of the run. */
function inOrder(steps: ReadonlyMap<string, LoggedStep>): LoggedStep[] {
  return [...steps.values()].sort((a, b) => a.iteration - b.iteration || a.step - b.step);
}

/** What a line of metrics.jsonl holds, of a stage or of a step. Throws a UserError that begins with `Cannot read WHERE`. */
export function metricsOf(
  line: JsonValue,
  where: string,
): { iteration: number; stage?: string; step?: number; values: Numbers } {
  const fields = object(line, where);
  const { iteration = 0, stage, step } = fields;
  if (typeof iteration !== "number") throw new UserError(`Cannot read ${where}: "iteration" is no number`);
  return {
    iteration,
    ...(typeof stage === "string" && { stage }),
    ...(typeof step === "number" && { step }),
    values: numbers(fields, ["iteration", "step"]),
  };
}

/** Reads summary.json; nothing of a file that is not there. Throws a UserError if it is malformed. */
export async function readSummary(
  path: string,
): Promise<Pick<RunRecord, "iterations" | "model" | "best" | "endedAfter">> {
  const text = await readOptionalText(path);
  if (text === null) return { iterations: [], model: null };
  let json: JsonValue;
  try {
    json = JSON.parse(text);
  } catch {
    throw new UserError(`Cannot read ${path}: it is not JSON`);
  }
  const { iterations, model, best: picked, stopped_early: stop } = object(json, path);
  const rows = Array.isArray(iterations) ? iterations : [];
  return {
    iterations: rows.map((row, i): LoggedIteration => {
      const fields = object(row, `${path}, iterations[${i}]`);
      const { iteration = i } = fields;
      if (typeof iteration !== "number") {
        throw new UserError(`Cannot read ${path}: "iteration" of iterations[${i}] is no number`);
      }
      return { iteration, values: numbers(fields, ["iteration"]) };
    }).sort((a, b) => a.iteration - b.iteration),
    model: typeof model === "string" ? model : null,
    ...bestOf(picked),
    ...(isRecord(stop) && typeof stop.iteration === "number" && { endedAfter: stop.iteration }),
  };
}

function bestOf(picked: JsonValue | undefined): Pick<RunRecord, "best"> {
  const { iteration, metric, value } = isRecord(picked) ? picked : {};
  if (typeof iteration !== "number" || typeof metric !== "string" || typeof value !== "number") return {};
  return { best: { iteration, metric, value } };
}

function object(value: JsonValue, where: string): JsonObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw new UserError(`Cannot read ${where}: it is no object, expected one`);
}

function numbers(fields: JsonObject, besides: readonly string[]): Numbers {
  const entries = Object.entries(fields).filter(([key, value]) => typeof value === "number" && !besides.includes(key));
  return Object.fromEntries(entries) as Numbers;
}
