/** Evaluates a model and keeps in a folder what comes out: answers as they come, then results and samples. @module */
import type { Device } from "../../kernels/device/device.ts";
import { ANSWERS, isEvaluationFile, resultsName, samplesName } from "../benchmark/result_files.ts";
import { jsonText } from "../data/formats/json_numbers.ts";
import { makeFolder, replaceFileAtomic, writeFileAtomic } from "../files/atomic.ts";
import { exists, namesIn, removeFile } from "../files/io.ts";
import { join } from "../files/path.ts";
import { AnswerJournal } from "./answer_journal.ts";
import {
  type Evaluated,
  type EvaluatedModel,
  type EvaluateHooks,
  evaluateModel,
  type EvaluateOptions,
} from "./evaluate_model.ts";
import type { OpenTasks } from "./open_tasks.ts";

/** The files of an evaluation: `results_TIME.json` and `samples_TASK_TIME.jsonl`, as lm-eval names them. */
export interface ResultFiles {
  results: string;
  samples: string[];
}

/** What an evaluation gave, and where it was written. */
export interface KeptEvaluated {
  evaluated: Evaluated;
  files: ResultFiles;
}

/**
 * Evaluates a model on open tasks; what was answered in `dir` before is not asked again, unless `isAnew`. Throws UserError,
 * DeviceError, StoppedError.
 */
export async function evaluateInto(
  device: Device,
  dir: string,
  { model, tasks, options, hooks, isAnew = false }: {
    model: EvaluatedModel;
    tasks: OpenTasks;
    options: EvaluateOptions;
    hooks: Omit<EvaluateHooks, "journal">;
    isAnew?: boolean;
  },
): Promise<KeptEvaluated> {
  await makeFolder(dir);
  const path = join(dir, ANSWERS);
  if (isAnew && await exists(path)) await removeFile(path);
  await using journal = await AnswerJournal.open(path);
  const evaluated = await evaluateModel(device, model, tasks, options, { ...hooks, journal });
  return { evaluated, files: await writeResults(dir, evaluated) };
}

/** Removes the results and samples of a folder, and keeps the answers. */
export async function removeResults(dir: string): Promise<void> {
  for (const name of await namesIn(dir)) {
    if (isEvaluationFile(name) && name !== ANSWERS) await removeFile(join(dir, name));
  }
}

async function writeResults(dir: string, { results, samples }: Evaluated): Promise<ResultFiles> {
  const time = new Date().toISOString().replace("Z", "").replaceAll(":", "-");
  const paths: string[] = [];
  const encoder = new TextEncoder();
  for (const [task, lines] of samples) {
    const path = join(dir, samplesName(task, time));
    // A sample has its prompt once for each choice: as one text they may be longer than a text can be.
    await replaceFileAtomic(path, async (write) => {
      for (const line of lines) await write(encoder.encode(jsonText(line) + "\n"));
    });
    paths.push(path);
  }
  const path = join(dir, resultsName(time));
  await writeFileAtomic(path, JSON.stringify(results, null, 2) + "\n");
  return { results: path, samples: paths };
}
