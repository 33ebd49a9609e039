/** What is said where a path holds no model: what is there, and the nearest way to one. @module */
import { ADAPTER_CONFIG } from "../checkpoint/adapter_folder.ts";
import { nearestWord } from "../config/nearest_word.ts";
import { UserError } from "../error.ts";
import { exists, isFolder, namesIn, objectOf, readOptionalText } from "../files/io.ts";
import { basename, dirname, join } from "../files/path.ts";
import { isRecord } from "../values.ts";
import { iterationPaths, runPaths } from "./run_paths.ts";
import { isTrainRun, iterationsIn } from "./run_work.ts";

/** Names of a folder that a message lists. */
const MOST_NAMES = 5;

/** What a sweep writes into its folder. */
const SWEEP_FILE = "sweep.json";

const EXPECTED = "expected a model's folder, a GGUF file or org/name on the hub";

/** The error for a path at which there is no model. */
export async function noModelAt(path: string): Promise<UserError> {
  const action = `Cannot open a model in ${path}`;
  if (!await exists(path)) {
    const near = await nearestBeside(path);
    const advice = near === null ? EXPECTED : `did you mean ${near}?`;
    return new UserError(`${action}: there is no such folder, and it is no org/name on the hub; ${advice}`);
  }
  if (!await isFolder(path)) {
    const folder = dirname(path);
    const advice = await holdsModel(folder) ? `expected its folder, ${folder}` : EXPECTED;
    return new UserError(`${action}: it is a file, and no GGUF file by its name; ${advice}`);
  }
  for (const made of [runPaths(path).model, runPaths(path).adapter]) {
    if (await holdsModel(made)) {
      return new UserError(
        `${action}: there is no config.json, it is a run's folder; its ${basename(made)} is ${made}`,
      );
    }
  }
  const runs = await runsOfSweep(path);
  if (runs.length > 0) {
    return new UserError(`${action}: it is the folder of a sweep, expected one of its runs, such as ${runs[0]}`);
  }
  if (await isTrainRun(path)) {
    const last = await lastModel(path);
    const other = last === null ? "" : `, or ${last}, the model of its last iteration that ended`;
    return new UserError(
      `${action}: its run has not ended, expected that the command which began it is given again${other}`,
    );
  }
  const names = await namesIn(path);
  const listed = names.toSorted().slice(0, MOST_NAMES).join(", ");
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : "";
  return new UserError(
    `${action}: there is no config.json, expected a model's folder or a run's with ${
      join("model", "config.json")
    }; it ${names.length === 0 ? "is empty" : `holds ${listed}${more}`}`,
  );
}

/** Whether a folder has the config of a model or of an adapter. */
async function holdsModel(folder: string): Promise<boolean> {
  return await exists(join(folder, "config.json")) || await exists(join(folder, ADAPTER_CONFIG));
}

/** The folders of a sweep's runs, as it wrote them down; none if the folder is no sweep's. */
async function runsOfSweep(path: string): Promise<string[]> {
  const { runs } = objectOf(await readOptionalText(join(path, SWEEP_FILE)) ?? "") ?? {};
  return Array.isArray(runs)
    ? runs.flatMap((run) => isRecord(run) && typeof run.dir === "string" ? [run.dir] : [])
    : [];
}

/** The model or adapter of a run's last iteration that has one; null if none has. */
async function lastModel(run: string): Promise<string | null> {
  for (const k of (await iterationsIn(run)).reverse()) {
    const { model, adapter } = iterationPaths(run, k);
    for (const made of [model, adapter]) if (await holdsModel(made)) return made;
  }
  return null;
}

/** What lies beside a path whose last word is misspelt; null if nothing is near. */
async function nearestBeside(path: string): Promise<string | null> {
  const folder = dirname(path);
  const near = nearestWord(basename(path), await namesIn(folder).catch(() => []));
  return near === undefined ? null : join(folder, near);
}
