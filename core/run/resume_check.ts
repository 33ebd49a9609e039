/** Keeps the settings that a run began with: a run that goes on must use the same settings. @module */
import { dirname } from "node:path";
import { parse } from "yaml";
import { checkSameSettings, type IterationConfig, type ResolvedConfig, writeResolved } from "../config/config.ts";
import { UserError, withAdvice } from "../error.ts";
import { writeFileAtomic } from "../files/atomic.ts";
import { exists, readJsonObject, readText } from "../files/io.ts";
import { isRecord } from "../values.ts";
import { runPaths, type StagePaths } from "./run_paths.ts";
import { hasWork } from "./run_work.ts";

/**
 * Writes the settings into the run's folder. Throws a UserError if it holds a run with other settings. Those of a run
 * that has done no work are replaced: it may have failed on a mistake in them.
 */
export async function fixSettings(config: ResolvedConfig): Promise<void> {
  const { output_dir: folder } = config;
  const path = runPaths(folder).settings;
  const text = writeResolved(config);
  if (await exists(path) && await hasWork(folder)) {
    const before = await readYamlRecord(path);
    checkSameSettings(before, config, {
      what: `the run in ${folder}`,
      file: path,
      advice: "give another output_dir or delete the folder",
    });
  }
  await writeFileAtomic(path, text);
}

/** As {@linkcode fixSettings}, for the settings that an iteration's responses, or a part of them, were made with. */
export async function fixGeneration(paths: StagePaths, settings: IterationConfig): Promise<void> {
  const { iteration, model, quantization, data, generation } = settings;
  const made = {
    iteration,
    ...(model !== undefined && { model }),
    ...(quantization !== "none" && { quantization }),
    data,
    generation,
  };
  if (await exists(paths.generation) && (await exists(paths.responses) || await exists(paths.partialResponses))) {
    const advice = `give another output_dir or delete ${dirname(paths.responses)}`;
    checkSameSettings(await withAdvice(readJsonObject(paths.generation), advice), made, {
      what: `generate of iteration ${iteration}`,
      file: paths.generation,
      advice,
    });
  }
  await writeFileAtomic(paths.generation, JSON.stringify(made, null, 2) + "\n");
}

/** Reads the settings of a run from a YAML file. Throws a UserError for one that holds none. */
export async function readYamlRecord(path: string): Promise<Record<string, unknown>> {
  const text = await readText(path);
  let settings: unknown;
  try {
    settings = parse(text);
    // A mapping that holds itself, which aliases allow, is no settings either.
    JSON.stringify(settings);
  } catch {
    settings = undefined;
  }
  if (isRecord(settings)) return settings;
  throw new UserError(`Cannot read ${path}: it is no YAML, expected the settings of the run; delete the folder`);
}
