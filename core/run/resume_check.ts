/** Keeps the settings that a run began with: a run that goes on must use the same settings. @module */
import { dirname } from "node:path";
import { parse } from "yaml";
import { checkSameSettings, type IterationConfig, type ResolvedConfig, writeResolved } from "../config/config.ts";
import { UserError, withAdvice } from "../error.ts";
import { writeFileAtomic } from "../files/atomic.ts";
import { exists, readJsonObject, readOptionalText, readText } from "../files/io.ts";
import { isRecord } from "../values.ts";
import { iterationPaths, runPaths, type StagePaths } from "./run_paths.ts";
import { hasStageWork, hasWork, holdsAnything, iterationsIn } from "./run_work.ts";

/** What to do where a folder holds other work than what is asked for. */
export const BEGIN_ADVICE = "give another output_dir, or --force to begin anew in this one";

/**
 * Throws a UserError if the folder holds a run of `train` with other settings, or one that has done more iterations.
 * Settings of a run that has computed nothing do not count: it may have failed on a mistake in them.
 */
export async function checkSettings(config: ResolvedConfig): Promise<void> {
  const { output_dir: folder, iterations } = config;
  const { settings: path } = runPaths(folder);
  if (!await exists(path) || !await hasWork(folder)) return;
  const what = `the run in ${folder}`;
  checkSameSettings(await readYamlRecord(path), config, { what, file: path, advice: BEGIN_ADVICE });
  let done = 0;
  for (const k of await iterationsIn(folder)) {
    const { model, adapter } = iterationPaths(folder, k);
    if (await holdsAnything(model) || await holdsAnything(adapter)) done = k + 1;
  }
  if (done <= iterations) return;
  throw new UserError(
    `Cannot go on with ${what}: iterations is ${iterations}, expected at least ${done}, which are done; ${BEGIN_ADVICE}`,
  );
}

/** Writes the settings into the run's folder, where they are not there already. Throws as {@linkcode checkSettings}. */
export async function fixSettings(config: ResolvedConfig): Promise<void> {
  await checkSettings(config);
  await writeIfOther(runPaths(config.output_dir).settings, writeResolved(config));
}

/** Writes a file unless it holds the text already. */
export async function writeIfOther(path: string, text: string): Promise<void> {
  if (await readOptionalText(path) !== text) await writeFileAtomic(path, text);
}

/**
 * Throws a UserError if an iteration's responses, or a part of them or what was made of them, were made with other
 * settings.
 */
export async function checkGeneration(
  paths: StagePaths,
  settings: IterationConfig,
  { advice = BEGIN_ADVICE } = {},
): Promise<void> {
  const { generation: path, responses } = paths;
  if (!await exists(path) || !await hasStageWork(paths)) return;
  const { iteration } = settings;
  const record = await withAdvice(readJsonObject(path), `give another output_dir or delete ${dirname(responses)}`);
  checkSameSettings(record, generationOf(settings), {
    what: `generate of iteration ${iteration}`,
    file: path,
    advice,
  });
}

/** Writes the settings that an iteration's responses are made with. Throws as {@linkcode checkGeneration}. */
export async function fixGeneration(paths: StagePaths, settings: IterationConfig): Promise<void> {
  await checkGeneration(paths, settings);
  await writeIfOther(paths.generation, JSON.stringify(generationOf(settings), null, 2) + "\n");
}

function generationOf({ iteration, model, quantization, data, generation }: IterationConfig): Record<string, unknown> {
  return {
    iteration,
    ...(model !== undefined && { model }),
    ...(quantization !== "none" && { quantization }),
    data,
    generation,
  };
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
