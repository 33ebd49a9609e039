/** Evaluates a model and keeps in a folder what comes out: answers as they come, then results and samples. @module */
import type { Device } from "../../kernels/device/device.ts";
import { ANSWERS, isEvaluationFile } from "../benchmark/result_files.ts";
import { makeFolder } from "../files/atomic.ts";
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
import { findResults, type ResultFiles, writeResults } from "./write_results.ts";

/** What an evaluation gave, and where that is written. */
export interface KeptEvaluated {
  evaluated: Evaluated;
  files: ResultFiles;
}

/**
 * Evaluates a model on open tasks; what was answered in `dir` before is not asked again, unless `isAnew`, and results that
 * are there are not written again. Throws UserError, DeviceError, StoppedError.
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
  const kept = isAnew ? null : await findResults(dir, evaluated);
  if (kept === null) return { evaluated, files: await writeResults(dir, evaluated) };
  hooks.onNote?.(`${kept.results} was complete already; nothing is written (--overwrite asks anew)`);
  return { evaluated, files: kept };
}

/** Removes the results and samples of a folder, and keeps the answers. */
export async function removeResults(dir: string): Promise<void> {
  for (const name of await namesIn(dir)) {
    if (isEvaluationFile(name) && name !== ANSWERS) await removeFile(join(dir, name));
  }
}
