/** The record of a training stage that ran alone: which one it was, and its settings. @module */
import { stringify } from "yaml";
import { checkSameSettings } from "../config/config.ts";
import type { IterationConfig } from "../config/config_types.ts";
import { UserError } from "../error.ts";
import { writeFileAtomic } from "../files/atomic.ts";
import { exists, removePath } from "../files/io.ts";
import { readYamlRecord } from "./resume_check.ts";
import { runPaths } from "./run_paths.ts";
import { hasTrained, hasWork } from "./run_work.ts";

/** A stage that makes a model and runs alone. */
export type TrainingStage = "sft" | "optimize";

const ADVICE = "give another output_dir or delete the folder";

/**
 * Writes what makes the model of `folder` into its stage.yaml. It is no config.yaml, with which `train` would go on: it
 * holds `stage`, and only those settings that the stage reads. Throws a UserError if the folder holds a run of `train`,
 * of another stage or with other settings, or a model of unknown making: the stage would replace it.
 */
export async function fixStage(folder: string, stage: TrainingStage, settings: IterationConfig): Promise<void> {
  const { settings: runSettings, stage: path, model, adapter } = runPaths(folder);
  const made = settingsOf(stage, settings);
  const holds = (what: string): UserError =>
    new UserError(`Cannot run ${stage} in ${folder}: the folder holds ${what}; ${ADVICE}`);
  if (await exists(runSettings)) {
    if (await hasWork(folder)) throw holds("a run of train");
    await removePath(runSettings);
  }
  if (!await exists(path)) {
    if (await exists(model)) throw holds("a model, and nothing says what made it");
    if (await exists(adapter)) throw holds("an adapter, and nothing says what made it");
  } else if (await hasTrained(folder)) {
    const { stage: before, ...was } = await readYamlRecord(path);
    if (before !== stage) throw holds(`a run of ${before}`);
    checkSameSettings(was, made, { what: `${stage} in ${folder}`, file: path, advice: ADVICE });
  }
  const text = stringify({ stage, ...made }, { lineWidth: 0, aliasDuplicateObjects: false, keepUndefined: false });
  await writeFileAtomic(path, text);
}

/** Throws a UserError if a training stage that ran alone has worked in `folder`, whose model `train` would replace. */
export async function refuseStage(folder: string): Promise<void> {
  const { stage } = runPaths(folder);
  if (!await hasTrained(folder)) await removePath(stage);
  if (!await exists(stage)) return;
  const { stage: name } = await readYamlRecord(stage);
  throw new UserError(`Cannot run train in ${folder}: the folder holds a run of ${name}; ${ADVICE}`);
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
