/** Benchmark scores of runs' iterations, from the results files of `dnpo evaluate` or of lm-eval. @module */
import { MAIN_METRICS, toldTasks } from "../../benchmark/benchmark_numbers.ts";
import { UserError } from "../../error.ts";
import { isFolder, isSamePlace, namesIn, readJsonObject } from "../../files/io.ts";
import { join, withoutTrailing } from "../../files/path.ts";
import { iterationPaths, stagePaths } from "../../run/run_paths.ts";
import { isRecord } from "../../values.ts";
import type { FoundRun } from "./find_runs.ts";

/** The score of a task. */
export interface TaskScore {
  value: number;
  /** Its standard error over the task's documents; null if the file has none. */
  stderr: number | null;
}

/** The benchmarks of the runs of a report. */
export interface Benchmarks {
  /** Tasks and groups, by the names of the files; without the members of groups that have a score. */
  tasks: { name: string; metric: string }[];
  /** For each run, by iteration, the scores of tasks. */
  scores: readonly ReadonlyMap<number, ReadonlyMap<string, TaskScore>>[];
  /** Models of results that are of none of the runs. */
  strangers: string[];
  /** Tasks that have no share of right answers. */
  unscored: string[];
  /** What of the runs' own results is left out, as other results were asked otherwise: a sentence for each task. */
  unlike: string[];
}

/** An iteration of one of the runs. */
interface Place {
  run: number;
  iteration: number;
}

/** How deep results lie in a folder: below the model's name, which may be `org/name`. */
const DEPTH = 3;

interface Results {
  path: string;
  model: string;
  /** Whose they are, where they lie in a run's folder. */
  place?: Place;
  date: number;
  tasks: Map<string, TaskScore & { metric: string; conditions: string }>;
  unscored: string[];
}

/**
 * Reads the results that the runs have of their own benchmarks, and those in `folder` if it is given; null if there are
 * none. Throws a UserError if the folder has none of these runs, or if they do not compare.
 */
export async function readBenchmarks(
  folder: string | undefined,
  runs: readonly FoundRun[],
): Promise<Benchmarks | null> {
  const own = await ownResults(runs);
  if (folder === undefined && own.length === 0) return null;
  const named = folder === undefined ? [] : await resultsOf(folder);
  const strangers = new Set<string>();
  const unscored = new Set<string>();
  const placed: (Results & { places: readonly Place[] })[] = [];
  // What was named says how a task is asked.
  for (const result of [...named, ...own]) {
    const { place, model } = result;
    const places = place === undefined ? await placesOf(model, runs) : [place];
    if (places.length === 0) strangers.add(model);
    else {
      placed.push({ ...result, places });
      for (const task of result.unscored) unscored.add(task);
    }
  }
  const { asked, unlike } = askedOf(placed, `Cannot report on the evaluations in ${folder}`);
  if (folder !== undefined && asked.size === 0) {
    const action = `Cannot report on the evaluations in ${folder}`;
    const names = [...strangers].slice(0, 3).join(", ");
    throw new UserError(
      names === ""
        ? `${action}: no task in it has a share of right answers, expected one that has`
        : `${action}: none is of these runs, but of ${names}, expected such of \`dnpo evaluate RUN --iterations all\``,
    );
  }
  const scores = runs.map(() => new Map<number, Map<string, TaskScore>>());
  // Of two evaluations of a model on a task the later one counts.
  for (const { tasks, places } of placed.toSorted((a, b) => a.date - b.date)) {
    for (const [task, { conditions, value, stderr }] of tasks) {
      if (asked.get(task)?.conditions !== conditions) continue;
      for (const { run, iteration } of places) {
        const at = scores[run]!.get(iteration) ?? new Map<string, TaskScore>();
        scores[run]!.set(iteration, at.set(task, { value, stderr }));
      }
    }
  }
  const tasks = [...asked].map(([name, { metric }]) => ({ name, metric }))
    .sort((a, b) => a.name < b.name ? -1 : 1);
  return { tasks, scores, strangers: [...strangers].sort(), unscored: [...unscored].sort(), unlike };
}

/** How a task was asked, and the first file that says so. */
interface Asked {
  metric: string;
  conditions: string;
  path: string;
  /** Whether the file is in the folder that was named. */
  isNamed: boolean;
}

/**
 * How each task was asked, by those results that are named or else by all of them. Throws a UserError where named ones do
 * not compare; of the runs' own ones those are left out.
 */
function askedOf(results: readonly Results[], action: string): { asked: Map<string, Asked>; unlike: string[] } {
  const asked = new Map<string, Asked>();
  const unlike = new Map<string, string>();
  for (const { path, place, tasks } of results) {
    const isNamed = place === undefined;
    for (const [task, { metric, conditions }] of tasks) {
      const first = asked.get(task) ?? { metric, conditions, path, isNamed };
      asked.set(task, first);
      if (first.conditions === conditions) continue;
      const problem = `${task} was asked with ${first.conditions} in ${first.path}, but with ${conditions} in ${path}`;
      if (isNamed) throw new UserError(`${action}: ${problem}, expected one way to ask for all`);
      unlike.set(task, unlike.get(task) ?? problem);
    }
  }
  for (const task of unlike.keys()) if (!asked.get(task)!.isNamed) asked.delete(task);
  return { asked, unlike: [...unlike.values()] };
}

async function resultsOf(folder: string): Promise<Results[]> {
  const action = `Cannot report on the evaluations in ${folder}`;
  if (!await isFolder(folder)) {
    throw new UserError(`${action}: there is no such folder, expected results_*.json in one`);
  }
  const paths = await resultsIn(folder, DEPTH);
  if (paths.length === 0) throw new UserError(`${action}: it holds no results_*.json, expected those of dnpo evaluate`);
  return await Array.fromAsync(paths.toSorted(), readResults);
}

/** The results of benchmarks that the runs asked themselves. */
async function ownResults(runs: readonly FoundRun[]): Promise<Results[]> {
  const found: Results[] = [];
  for (const [run, { dir, view }] of runs.entries()) {
    for (const { iteration } of view.iterations) {
      const { benchmarks } = iteration < 0 ? stagePaths(dir) : iterationPaths(dir, iteration);
      for (const path of await resultsIn(benchmarks, 1)) {
        found.push({ ...await readResults(path), place: { run, iteration } });
      }
    }
  }
  return found;
}

async function resultsIn(folder: string, depth: number): Promise<string[]> {
  const found: string[] = [];
  for (const name of await namesIn(folder)) {
    const path = join(folder, name);
    if (/^results_.+\.json$/.test(name)) found.push(path);
    else if (depth > 1 && await isFolder(path)) found.push(...await resultsIn(path, depth - 1));
  }
  return found;
}

async function readResults(path: string): Promise<Results> {
  const file = await readJsonObject(path, { maxBytes: 2 ** 28 });
  const { results, model_name: model, date, group_subtasks: groups } = file;
  if (!isRecord(results) || typeof model !== "string") {
    throw new UserError(`Cannot read ${path}: it has no results or no model_name, expected a file of lm-eval's schema`);
  }
  const tasks: Results["tasks"] = new Map();
  const unscored: string[] = [];
  for (const [name, values] of Object.entries(results)) {
    if (!isRecord(values)) continue;
    const key = MAIN_METRICS.find((metric) => typeof values[metric] === "number");
    if (key === undefined) {
      // A group without a score stands for its tasks.
      if (Object.keys(values).some((key) => key.includes(",") && typeof values[key] === "number")) unscored.push(name);
      continue;
    }
    const stderr = values[key.replace(",", "_stderr,")];
    tasks.set(name, {
      value: values[key] as number,
      stderr: typeof stderr === "number" ? stderr : null,
      metric: key.replace(",none", "").replace(",", ", "),
      conditions: conditionsOf(file, name),
    });
  }
  // A group's score has what it holds.
  const told = toldTasks({ results, group_subtasks: groups });
  for (const name of tasks.keys()) if (!told.includes(name)) tasks.delete(name);
  return { path, model: withoutTrailing(model), date: typeof date === "number" ? date : 0, tasks, unscored };
}

/** How a task was asked, as far as the file tells, in words. */
function conditionsOf(file: Readonly<Record<string, unknown>>, task: string): string {
  const of = (key: string): unknown => isRecord(file[key]) ? file[key][task] : undefined;
  const samples = of("n-samples");
  const own = isRecord(file.dnpo) ? file.dnpo : {};
  const parts: [string, unknown][] = [
    ["examples", of("n-shot")],
    ["documents", isRecord(samples) ? samples.effective : undefined],
    ["chat template", file.chat_template_sha === null ? undefined : "yes"],
    ["prompts", of("task_hashes")],
    ["quantization", own.quantization],
  ];
  return parts.filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => `${name} ${String(value).slice(0, 12)}`).join(", ");
}

/** The runs and iterations that a model is: one of a run's, the one that it hands out, or the one that it started from. */
async function placesOf(model: string, runs: readonly FoundRun[]): Promise<Place[]> {
  const [, folder, k] = /^(.*?)(?:\/iteration-(\d+))?(?:\/(?:model|adapter))?$/.exec(model)!;
  const places: Place[] = [];
  const isSame = async (a: string, b: string): Promise<boolean> => join(a) === join(b) || await isSamePlace(a, b);
  for (const [run, { dir, view }] of runs.entries()) {
    if (await isSame(folder!, dir)) {
      const handedOut = view.best?.iteration ?? view.iterations.at(-1)?.iteration;
      const iteration = k === undefined ? handedOut : Number(k);
      if (iteration !== undefined) places.push({ run, iteration });
    }
    const base = view.config.model;
    if (typeof base === "string" && view.config.stage === undefined && await isSame(model, withoutTrailing(base))) {
      places.push({ run, iteration: -1 });
    }
  }
  return places;
}
