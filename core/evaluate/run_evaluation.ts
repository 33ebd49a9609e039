/** `dnpo evaluate` without its command line: finds models, asks them, writes results, compares. @module */
import type { Crew } from "../cluster/crew.ts";
import { outputTypeOf } from "../benchmark/task_config.ts";
import { hasOwnFiles } from "../benchmark/task_data.ts";
import { openToolDevice } from "../device/run_device.ts";
import { StoppedError, UserError } from "../error.ts";
import { makeFolder } from "../files/atomic.ts";
import { exists, objectOf, readJsonObject, readText } from "../files/io.ts";
import { basename, dirname, join, withoutTrailing } from "../files/path.ts";
import { resolveDataset, resolveModel } from "../hub/resolve_name.ts";
import type { AnyModel } from "../model/model.ts";
import { compileProgress, WARNING } from "../progress.ts";
import { meetCrew } from "../run/meet_crew.ts";
import { modelFiles, modelFolderOf } from "../run/model_path.ts";
import { RunChecksums } from "../run/run_checksums.ts";
import { lockFolder } from "../run/run_lock.ts";
import { shareModel } from "../run/share_model.ts";
import { chosenTasks } from "./chosen_tasks.ts";
import { compareResults, type ResultDifference, type TaskMeans, type TaskSamples } from "./compare_results.ts";
import { evaluateInto } from "./evaluate_into.ts";
import { checkModel, type Evaluated, type EvaluateHooks, type EvaluateOptions, sanitized } from "./evaluate_model.ts";
import { iterationModels, lackOf } from "./iteration_models.ts";
import { foundTasks, type OpenTasks, openTasks } from "./open_tasks.ts";
import type { Sample } from "./sample_task.ts";
import type { ResultFiles } from "./write_results.ts";

/** What is evaluated, where results go, and what they are compared with. */
export interface RunEvaluationOptions {
  /** Without names of tasks, those of the files are asked. */
  options: Omit<EvaluateOptions, "tasks" | "own"> & { tasks?: string | undefined };
  /** Folder of results: each model has one in it. */
  output: string;
  /** Folder of rows in place of the hub. */
  data?: string | undefined;
  /** YAML files of tasks of one's own, besides those among the names. */
  taskFiles?: readonly string[];
  /** Texts of the task `perplexity`, a document each. */
  textFiles?: readonly string[];
  /** A model, or a results file whose samples lie beside it. */
  baseline?: string | undefined;
  /** `all`: every iteration of a run, and not the last alone. */
  iterations?: "last" | "all";
  /** Whether answers of before are forgotten. */
  isAnew?: boolean;
}

/** The evaluation of one model. */
export interface EvaluationEntry {
  /** The model's name, as it was given; of a run with its iteration. */
  name: string;
  evaluated: Evaluated;
  /** The files that were written. */
  files: ResultFiles;
  /** Against the baseline, if there is one. */
  differences?: ResultDifference[];
}

interface NamedFolder {
  name: string;
  folder: string;
}

/**
 * Evaluates a model, or every iteration of a run, and writes results; the ranks of `crew` compute too. Throws UserError,
 * DeviceError, StoppedError.
 */
export async function runEvaluation(
  named: string,
  { options: asked, output, data, taskFiles, textFiles, iterations = "last", isAnew = false, ...other }:
    RunEvaluationOptions,
  { crew = null, ...hooks }: Omit<EvaluateHooks, "journal" | "share"> & { crew?: Crew | null } = {},
): Promise<EvaluationEntry[]> {
  // One model has one folder of results.
  const model = withoutTrailing(named);
  const baseline = other.baseline === undefined ? undefined : withoutTrailing(other.baseline);
  const { onProgress = () => {}, onNote = () => {}, signal } = hooks;
  const hub = { onProgress, ...(signal && { signal }) };
  const resolve = async (name: string): Promise<string> => (await stoppable(resolveModel(name, hub), signal)).paths[0]!;
  const options: EvaluateOptions = {
    ...asked,
    ...await chosenTasks({
      tasks: asked.tasks,
      ...(taskFiles && { taskFiles }),
      ...(textFiles && { textFiles }),
    }),
  };
  const found = foundTasks(options);
  const generates = found.tasks.some((config) => outputTypeOf(config) === "generate_until");
  const { quantization = "none" } = options;
  const finding = { resolve, onNote, quantization };
  const models = iterations === "all"
    ? await iterationsOf(model)
    : [{ name: model, folder: await modelFolderOf(model, finding) }];
  const isFile = baseline !== undefined && /\.json$/.test(baseline);
  const against = baseline === undefined || isFile
    ? null
    : { name: baseline, folder: await modelFolderOf(baseline, finding) };
  if (options.genKwargs !== undefined && !generates) {
    onNote(`${WARNING}no answer of these tasks is generated: --gen-kwargs changes nothing`);
  }
  if (data !== undefined && found.tasks.every(hasOwnFiles)) {
    onNote(`${WARNING}all of these tasks name files of their own: --data changes nothing`);
  }
  // What is wrong with a model is found before rows are downloaded for it.
  for (const { name, folder } of against === null ? models : [...models, against]) {
    await checkModel({ name, files: await modelFiles(folder, resolve) }, { ...options, generates }, onNote);
  }
  const tasks = await openTasks(options, {
    data,
    resolve: async (name) => (await stoppable(resolveDataset(name, hub), signal)).paths,
    onTask: (done, total) => onProgress({ stage: "read tasks", done, total }),
  });
  const means = baseline === undefined ? null : comparableOf(tasks);
  using device = await openToolDevice();
  if (crew !== null) await meetCrew(crew, { device, trains: false, onNote });
  device.onBuilding = compileProgress(onProgress);
  const checksums = await RunChecksums.open(null, { filesIn: (dir) => modelFiles(dir, resolve) });
  const evaluate = async ({ name, folder }: NamedFolder): Promise<EvaluationEntry> => {
    const dir = resultsFolder(output, name);
    await makeFolder(dir);
    using _lock = await lockFolder(dir);
    const model = { name, files: await modelFiles(folder, resolve) };
    const share = (loaded: AnyModel): Promise<AnyModel> =>
      shareModel({ crew, checksums }, loaded, { dir: folder, quantization });
    return { name, ...await evaluateInto(device, dir, { model, tasks, options, hooks: { ...hooks, share }, isAnew }) };
  };
  const compared = baseline === undefined || means === null ? null : {
    of: baseline,
    means,
    groups: tasks.groups,
    samples: against === null ? await samplesBeside(baseline, tasks) : (await evaluate(against)).evaluated.samples,
  };
  const entries: EvaluationEntry[] = [];
  for (const each of models) {
    const entry = await evaluate(each);
    const differences = compared && compareResults(entry.evaluated.samples, compared.samples, compared);
    entries.push({ ...entry, ...(differences && { differences }) });
  }
  return entries;
}

/** Waits for a download, which a signal ends with its own reason. */
async function stoppable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw signal?.aborted ? new StoppedError("The evaluation was stopped") : error;
  }
}

/** The folder of a model's results; `.` and `..` would be the output's own and one outside of it. */
export function resultsFolder(output: string, name: string): string {
  return join(output, sanitized(name).replace(/^\.+$/, "_$&"));
}

/** The models of a run's iterations. */
async function iterationsOf(run: string): Promise<NamedFolder[]> {
  const found = [...await iterationModels(run)];
  if (found.length > 0) return found.map(([k, folder]) => ({ name: join(run, `iteration-${k}`), folder }));
  throw new UserError(`Cannot evaluate all iterations of ${run}: ${await lackOf(run)}, expected a run's folder`);
}

/** The samples that belong to a results file: those of its time. */
async function samplesBeside(path: string, { tasks }: OpenTasks): Promise<TaskSamples> {
  await readJsonObject(path);
  const time = /^results_(.+)\.json$/.exec(basename(path))?.[1];
  if (time === undefined) throw new UserError(`Cannot compare with ${path}: expected a file named results_TIME.json`);
  const samples = new Map<string, Sample[]>();
  for (const { config: { task } } of tasks) {
    const beside = join(dirname(path), `samples_${task}_${time}.jsonl`);
    if (!await exists(beside)) {
      throw new UserError(
        `Cannot compare with ${path}: ${beside} is missing, expected the samples of the same evaluation`,
      );
    }
    const text = await readText(beside);
    samples.set(
      task,
      text.split("\n").filter((line) => line !== "").map((line, i) => parseSample(line, `${beside}:${i + 1}`)),
    );
  }
  return samples;
}

function parseSample(line: string, where: string): Sample {
  const sample = objectOf(line);
  if (sample !== null) return sample as Sample;
  throw new UserError(`Cannot read ${where}: it is no JSON object, expected a sample of an evaluation`);
}

/** What of the tasks' results can be compared. Throws a UserError for a task of which nothing can. */
function comparableOf({ tasks }: OpenTasks): TaskMeans {
  return new Map(tasks.map(({ config: { task }, metrics }) => {
    const means = metrics.filter(({ aggregation }) => aggregation === "mean").map(({ name }) => name);
    if (means.length > 0) return [task, means];
    throw new UserError(
      `Cannot compare ${task} with a baseline: ${
        metrics.map(({ name }) => name).join(", ")
      } of it are no means of its ` +
        "documents, expected tasks that have such (or no --baseline)",
    );
  }));
}
