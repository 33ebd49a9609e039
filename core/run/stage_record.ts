/** The record of a training stage that ran alone: which one it was, and its settings. @module */
import { stringify } from "yaml";
import { checkSameSettings, writeResolved } from "../config/config.ts";
import type { IterationConfig, ResolvedConfig } from "../config/config_types.ts";
import { UserError } from "../error.ts";
import { exists, removePath } from "../files/io.ts";
import { BEGIN_ADVICE, readYamlRecord, writeIfOther } from "./resume_check.ts";
import { runPaths } from "./run_paths.ts";
import { hasTrained, hasWork } from "./run_work.ts";

/** A stage that makes a model and runs alone. */
export type TrainingStage = "sft" | "optimize";

/** A training stage that runs alone, and the settings that it takes of the config. */
export interface StageWork {
  stage: TrainingStage;
  config: ResolvedConfig;
  settings: IterationConfig;
}

/**
 * Throws a UserError if the folder holds a run of `train`, of another stage or with other settings, or a model of unknown
 * making: the stage would replace it.
 */
export async function checkStage({ stage, config, settings }: StageWork): Promise<void> {
  const { output_dir: folder } = config;
  const { settings: runSettings, stage: path, model, adapter } = runPaths(folder);
  const holds = (what: string): UserError =>
    new UserError(`Cannot run ${stage} in ${folder}: the folder holds ${what}; ${BEGIN_ADVICE}`);
  if (!await exists(path)) {
    if (await exists(runSettings) && await hasWork(folder)) throw holds("a run of train");
    return await refuseUnknown(folder, stage);
  }
  if (!await hasTrained(folder)) return;
  const { stage: before, ...was } = await readYamlRecord(path);
  if (before !== stage) throw holds(`a run of ${before}`);
  const made = settingsOf(stage, settings);
  const what = `${stage} in ${folder}`;
  checkSameSettings(was, made, { what, file: path, advice: BEGIN_ADVICE });
  // A model that is handed out is not stored anew: what its storage type has rounded away is lost.
  const [is, stored] = [made.dtype ?? null, was.dtype ?? null];
  if (is === stored || !await exists(model) && !await exists(adapter)) return;
  throw new UserError(
    `Cannot go on with ${what}: dtype is ${JSON.stringify(is)}, expected ${
      JSON.stringify(stored)
    } as in ${path}; ${BEGIN_ADVICE}`,
  );
}

/**
 * Writes the settings into the folder: config.yaml has all of them, and stage.yaml, which tells the folder from one of
 * `train`, the stage and those that it reads. Throws as {@linkcode checkStage}.
 */
export async function fixStage(work: StageWork): Promise<void> {
  await checkStage(work);
  const { stage, config, settings } = work;
  const paths = runPaths(config.output_dir);
  const record = { stage, ...settingsOf(stage, settings) };
  const text = stringify(record, { lineWidth: 0, aliasDuplicateObjects: false, keepUndefined: false });
  // With config.yaml alone it would be a run of train.
  await writeIfOther(paths.stage, text);
  await writeIfOther(paths.settings, writeResolved(config));
}

/** Throws a UserError if the folder holds a model, and no record of what made it: it may be anybody's. */
export async function refuseUnknown(folder: string, command = "train"): Promise<void> {
  const { stage, settings, model, adapter } = runPaths(folder);
  if (await exists(stage) || await exists(settings)) return;
  for (const [path, what] of [[model, "a model"], [adapter, "an adapter"]] as const) {
    if (!await exists(path)) continue;
    throw new UserError(
      `Cannot run ${command} in ${folder}: the folder holds ${what}, and nothing says what made it; give another output_dir`,
    );
  }
}

/** Throws a UserError if a training stage that ran alone has worked in `folder`, whose model `train` would replace. */
export async function refuseStage(folder: string): Promise<void> {
  const { stage, settings } = runPaths(folder);
  if (!await exists(stage)) return;
  if (!await hasTrained(folder)) {
    await removePath(settings);
    await removePath(stage);
    return;
  }
  const { stage: name } = await readYamlRecord(stage);
  throw new UserError(`Cannot run train in ${folder}: the folder holds a run of ${name}; ${BEGIN_ADVICE}`);
}

function settingsOf(
  stage: TrainingStage,
  { model, pairs, iteration, dtype, quantization, data, training, lora, noise }: IterationConfig,
): Record<string, unknown> {
  const { eval: _, eval_limit: __, train, ...reading } = data;
  // Absent where it is `none`, as in the records of runs that knew no other.
  const held = quantization === "none" ? {} : { quantization };
  const shared = { model, iteration, dtype, ...held, training, lora };
  return stage === "sft"
    ? { ...shared, data: { ...(train !== undefined && { train }), ...reading } }
    : { ...shared, pairs, data: reading, noise };
}
