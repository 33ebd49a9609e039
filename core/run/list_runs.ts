/** Lists the runs in a folder, with what their files tell about them. @module */
import { basename, join, resolve } from "node:path";
import { tellingNumbers } from "../benchmark/benchmark_numbers.ts";
import type { BenchmarkMetric } from "../config/config_types.ts";
import { UserError } from "../error.ts";
import { exists, isFolder, lastWritten, namesIn } from "../files/io.ts";
import { KILLED, lastEnd } from "./last_end.ts";
import { iterationValues, parseSettings, readRun, type RunRecord } from "./read_run.ts";
import { isLocked } from "./run_lock.ts";
import { runPaths } from "./run_paths.ts";
import { hasWork, stateAfter } from "./run_work.ts";

/** A run at a glance. */
export interface RunState {
  /** Name of the folder; of a sweep's run, its path below the folder that is listed. */
  name: string;
  /** Path of the folder. */
  dir: string;
  /** Method of its config, `sft` or `optimize` for a stage that ran alone; null if it is not known. */
  method: string | null;
  /** Model that it started from; null if that is not known. */
  model: string | null;
  /** Judges of the iterations, each once; null if nothing is judged. */
  judge: string | null;
  /** Iterations that are done. */
  done: number;
  /** Iterations that are planned; null if the run is a single stage. */
  planned: number | null;
  /**
   * `running` while a process holds the folder's lock; `failed` if the last one ended with an error; `generated` or
   * `labelled` where those stages ran alone, and are done.
   */
  state: "running" | "stopped" | "failed" | "done" | "generated" | "labelled";
  /** Why it failed, or, of a run that stopped, that its process was killed; absent if nothing is known. */
  reason?: string;
  /** The last logged optimizer step; null if none was logged. */
  step: number | null;
  /** Loss of that step; null if it has none. */
  loss: number | null;
  /** The first evaluation, and if there are later ones, the last one and the best of all. */
  evaluation: {
    name: "sampled_score" | "greedy_score" | "sampled" | "greedy" | BenchmarkMetric | "eval_loss";
    first: number;
    last?: number;
    best?: number;
    /** The iteration of the best one, the first of several; −1 is the start. */
    bestIteration?: number;
  } | null;
  /** The iteration that is handed out as the best, and what it was chosen by; absent if that is off. */
  best?: NonNullable<RunRecord["best"]>;
  /** When something was last logged, as ISO 8601 in UTC. */
  when: string;
  /** Why the run could not be read; absent if it could. */
  problem?: string;
}

/**
 * Lists the runs in `dir` (or `dir` itself if it is one), those of its sweeps too, the latest first. Throws a UserError
 * if there is no folder.
 *
 * @example
 * ```ts
 * import { listRuns } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * const dir = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${dir}/metrics.jsonl`, '{"iteration": 0, "step": 1, "loss": 0.69}\n');
 * const [state] = await listRuns(dir);
 * assert.deepEqual([state!.state, state!.loss], ["stopped", 0.69]);
 * ```
 */
export async function listRuns(dir: string): Promise<RunState[]> {
  if (await isRun(dir)) return [await stateOf(dir)];
  const states: RunState[] = [];
  try {
    for await (const entry of Deno.readDir(dir)) {
      if (entry.isDirectory) states.push(...await statesIn(dir, entry.name));
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      throw new UserError(`Cannot list runs: there is no folder ${dir}`);
    }
    throw error;
  }
  return states.sort((a, b) => a.when < b.when ? 1 : a.when > b.when ? -1 : a.name < b.name ? -1 : 1);
}

/** The run that the folder `name` of `dir` is, or those of the sweep that it is. */
async function statesIn(dir: string, name: string): Promise<RunState[]> {
  const path = join(dir, name);
  if (await isRun(path)) return [{ ...await stateOf(path), ...(name.includes("/") && { name }) }];
  const states: RunState[] = [];
  for (const inner of await namesIn(path)) {
    if (isSweepFolder(inner) && await isFolder(join(path, inner))) {
      states.push(...await statesIn(dir, `${name}/${inner}`));
    }
  }
  return states;
}

/** Whether a sweep calls a folder so: by the value of a key, or by a seed (`runPath()` of the loop). */
function isSweepFolder(name: string): boolean {
  return name.includes("=") || /^seed-\d+$/.test(name);
}

async function isRun(dir: string): Promise<boolean> {
  const { metrics, settings, stage } = runPaths(dir);
  if (await exists(metrics)) return true;
  // What a start has left that did not come to work is a run if it tells how it ended, or was cut off.
  if (await lastEnd(dir) !== null) return true;
  return (await exists(settings) || await exists(stage)) && (await isLocked(dir) || await hasWork(dir));
}

async function stateOf(dir: string): Promise<RunState> {
  const running = await isLocked(dir);
  const { metrics, summary, settings: config, stage, timings, log, model, adapter } = runPaths(dir);
  const when = new Date(await lastWritten([metrics, summary, config, stage, timings, log])).toISOString();
  let run: RunRecord;
  try {
    run = await readRun(dir);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const unknown = { method: null, model: null, judge: null, planned: null, step: null, loss: null, evaluation: null };
    const state = running ? { state: "running" as const } : await stateOfEnd(dir);
    return { name: basename(resolve(dir)), dir, ...unknown, done: 0, ...state, when, problem: error.message };
  }
  const settings = parseSettings(run.settings);
  const planned = typeof settings.iterations === "number" ? settings.iterations : null;
  const done = run.iterations.filter(({ iteration }) => iteration >= 0).length;
  const isMade = await exists(model) || await exists(adapter);
  const isDone = isMade && (planned === null || done >= planned || run.endedAfter !== undefined);
  const last = run.steps.at(-1);
  return {
    name: run.name,
    dir,
    method: field(settings, "stage") ?? field(settings, "method"),
    model: field(settings, "model"),
    judge: judgesOf(settings, planned ?? Infinity),
    done,
    planned,
    ...(running ? { state: "running" } : isDone ? { state: "done" } : await stateOfEnd(dir)),
    step: last?.step ?? null,
    loss: last?.values.loss ?? null,
    evaluation: evaluationOf(run),
    ...(run.best && { best: run.best }),
    when,
  };
}

async function stateOfEnd(dir: string): Promise<Pick<RunState, "state" | "reason">> {
  const last = await lastEnd(dir);
  const state = await stateAfter(dir, last);
  const reason = last?.end === null ? KILLED : state === "failed" ? last?.problem : undefined;
  return { state, ...(reason !== undefined && { reason }) };
}

/** Judges of the iterations that are planned; null where none judged, as in dpo on pairs that the data has. */
function judgesOf({ method, labels }: Record<string, unknown>, iterations: number): string | null {
  const named = [labels ?? []].flat().slice(0, iterations).map((entry) => field(entry, "judge"));
  const names = [...new Set(named)].filter((name) => name !== null);
  const isOwn = method === "dpo" && names.every((name) => name === "human");
  return method === "sft" || isOwn || names.length === 0 ? null : names.join(", ");
}

function field(value: unknown, key: string): string | null {
  const found = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  return typeof found === "string" ? found : null;
}

/** The numbers of a verifier that tell whether a model is better, the most telling first. */
const VERIFIED = ["sampled_score", "greedy_score", "sampled", "greedy"] as const;

function evaluationOf(run: RunRecord): RunState["evaluation"] {
  const rows = iterationValues(run);
  const benchmarks = tellingNumbers(rows.flatMap(({ values }) => Object.keys(values)));
  // What the iterations are told better by comes before what they are not.
  const picked = benchmarks.filter((name) => name === run.best?.metric);
  for (const name of [...VERIFIED, ...picked, ...benchmarks, "eval_loss" as const]) {
    const known = rows.flatMap(({ iteration, values }) => {
      const value = values[name];
      return value === undefined ? [] : [{ iteration, value }];
    });
    const [first, ...later] = known;
    if (first === undefined) continue;
    const last = later.at(-1);
    if (last === undefined) return { name, first: first.value };
    const isBetter = (a: number, b: number): boolean => name === "eval_loss" ? a < b : a > b;
    const best = known.reduce((best, row) => isBetter(row.value, best.value) ? row : best);
    return { name, first: first.value, last: last.value, best: best.value, bestIteration: best.iteration };
  }
  return null;
}
