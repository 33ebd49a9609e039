/** `dnpo evaluate` without its command line: finds models, asks them, writes results, compares. @module */
import { findTasks } from "../benchmark/find_tasks.ts";
import { readTaskFile } from "../benchmark/task_file.ts";
import { PERPLEXITY } from "../benchmark/tasks/perplexity.ts";
import { outputTypeOf, type TaskConfig } from "../benchmark/task_config.ts";
import { jsonText } from "../data/formats/json_numbers.ts";
import { openToolDevice } from "../device/run_device.ts";
import { UserError } from "../error.ts";
import { makeFolder, replaceFileAtomic, writeFileAtomic } from "../files/atomic.ts";
import { exists, objectOf, readJsonObject, readText, removeFile } from "../files/io.ts";
import { basename, dirname, join } from "../files/path.ts";
import { resolveDataset, resolveModel } from "../hub/resolve_name.ts";
import { WARNING } from "../progress.ts";
import { modelFiles, modelFolderOf } from "../run/model_path.ts";
import { lockFolder } from "../run/run_lock.ts";
import { AnswerJournal } from "./answer_journal.ts";
import { compareResults, type ResultDifference, type TaskMeans, type TaskSamples } from "./compare_results.ts";
import {
  type Evaluated,
  type EvaluateHooks,
  evaluateModel,
  type EvaluateOptions,
  sanitized,
} from "./evaluate_model.ts";
import { iterationModels } from "./iteration_models.ts";
import { type OpenTasks, openTasks } from "./open_tasks.ts";
import type { Sample } from "./sample_task.ts";

/** What is evaluated, where results go, and what they are compared with. */
export interface RunEvaluationOptions {
  options: EvaluateOptions;
  /** Folder of results: each model has one in it. */
  output: string;
  /** Folder of rows in place of the hub. */
  data?: string | undefined;
  /** YAML files of tasks of one's own. */
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
  files: { results: string; samples: string[] };
  /** Against the baseline, if there is one. */
  differences?: ResultDifference[];
}

interface NamedFolder {
  name: string;
  folder: string;
}

/** Evaluates a model, or every iteration of a run, and writes results. Throws UserError, DeviceError, StoppedError. */
export async function runEvaluation(
  model: string,
  { options, output, data, taskFiles = [], textFiles = [], baseline, iterations = "last", isAnew = false }:
    RunEvaluationOptions,
  hooks: Omit<EvaluateHooks, "journal"> = {},
): Promise<EvaluationEntry[]> {
  const { onProgress = () => {}, onNote = () => {} } = hooks;
  const resolve = async (name: string): Promise<string> => (await resolveModel(name, { onProgress })).paths[0]!;
  const own = await ownTasks(options, { taskFiles, textFiles, onNote });
  const finding = { resolve, onNote, quantization: options.quantization ?? "none" };
  const models = iterations === "all"
    ? await iterationsOf(model)
    : [{ name: model, folder: await modelFolderOf(model, finding) }];
  const isFile = baseline !== undefined && /\.json$/.test(baseline);
  const other = baseline === undefined || isFile
    ? null
    : { name: baseline, folder: await modelFolderOf(baseline, finding) };
  const tasks = await openTasks({ ...options, own }, {
    data,
    resolve: async (name) => (await resolveDataset(name, { onProgress })).paths,
    onTask: (done, total) => onProgress({ stage: "read tasks", done, total }),
  });
  if (options.genKwargs !== undefined && tasks.tasks.every(({ config }) => outputTypeOf(config) !== "generate_until")) {
    onNote(`${WARNING}no answer of these tasks is generated: --gen-kwargs changes nothing`);
  }
  const means = baseline === undefined ? null : comparableOf(tasks);
  using device = await openToolDevice();
  const evaluate = async ({ name, folder }: NamedFolder): Promise<EvaluationEntry> => {
    const dir = resultsFolder(output, name);
    await makeFolder(dir);
    using _lock = await lockFolder(dir);
    const path = join(dir, "answers.jsonl");
    if (isAnew && await exists(path)) await removeFile(path);
    await using journal = await AnswerJournal.open(path);
    const evaluated = await evaluateModel(
      device,
      { name, files: await modelFiles(folder, resolve) },
      tasks,
      options,
      { ...hooks, journal },
    );
    return { name, evaluated, files: await writeResults(dir, evaluated) };
  };
  const compared = baseline === undefined || means === null ? null : {
    of: baseline,
    means,
    groups: tasks.groups,
    samples: other === null ? await samplesBeside(baseline, tasks) : (await evaluate(other)).evaluated.samples,
  };
  const entries: EvaluationEntry[] = [];
  for (const each of models) {
    const entry = await evaluate(each);
    const differences = compared && compareResults(entry.evaluated.samples, compared.samples, compared);
    entries.push({ ...entry, ...(differences && { differences }) });
  }
  return entries;
}

/** The folder of a model's results; `.` and `..` would be the output's own and one outside of it. */
export function resultsFolder(output: string, name: string): string {
  return join(output, sanitized(name).replace(/^\.+$/, "_$&"));
}

/** Where the task of texts comes from. */
const TEXT_FLAG = "--text";

async function ownTasks(
  { tasks }: EvaluateOptions,
  { taskFiles, textFiles, onNote }: {
    taskFiles: readonly string[];
    textFiles: readonly string[];
    onNote: (line: string) => void;
  },
): Promise<TaskConfig[]> {
  const own: TaskConfig[] = [];
  const origins = new Map<string, string>();
  const add = (config: TaskConfig, origin: string): void => {
    const other = origins.get(config.task);
    if (other !== undefined) {
      throw new UserError(
        `Cannot evaluate: ${other} and ${origin} are both the task ${config.task}, expected one of them`,
      );
    }
    origins.set(config.task, origin);
    own.push(config);
  };
  for (const file of taskFiles) add(await readTaskFile(file), file);
  if (textFiles.length > 0) {
    const kwargs = { data_files: { test: [...textFiles] }, sample_by: "document" };
    add({ ...PERPLEXITY, dataset_kwargs: kwargs }, TEXT_FLAG);
  }
  const asked = new Set(findTasks(tasks, own).tasks.map(({ task }) => task));
  if (asked.has(PERPLEXITY.task) && !origins.has(PERPLEXITY.task)) {
    throw new UserError("Cannot evaluate perplexity: no text is named, expected --text FILE");
  }
  for (const [task, origin] of origins) {
    if (asked.has(task)) continue;
    if (origin === TEXT_FLAG) {
      throw new UserError("Cannot evaluate: --text is given, but perplexity is not asked for, expected it in --tasks");
    }
    onNote(`${WARNING}the task ${task} of ${origin} is not asked for`);
  }
  return own;
}

/** The models of a run's iterations. */
async function iterationsOf(run: string): Promise<NamedFolder[]> {
  const found = [...await iterationModels(run)];
  if (found.length > 0) return found.map(([k, folder]) => ({ name: join(run, `iteration-${k}`), folder }));
  throw new UserError(`Cannot evaluate all iterations of ${run}: it holds none with a model, expected a run's folder`);
}

/** Writes `results_TIME.json` and `samples_TASK_TIME.jsonl`, as lm-eval names them. */
async function writeResults(dir: string, { results, samples }: Evaluated): Promise<EvaluationEntry["files"]> {
  const time = new Date().toISOString().replace("Z", "").replaceAll(":", "-");
  const paths: string[] = [];
  const encoder = new TextEncoder();
  for (const [task, lines] of samples) {
    const path = join(dir, `samples_${task}_${time}.jsonl`);
    // A sample has its prompt once for each choice: as one text they may be longer than a text can be.
    await replaceFileAtomic(path, async (write) => {
      for (const line of lines) await write(encoder.encode(jsonText(line) + "\n"));
    });
    paths.push(path);
  }
  const path = join(dir, `results_${time}.json`);
  await writeFileAtomic(path, JSON.stringify(results, null, 2) + "\n");
  return { results: path, samples: paths };
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
