/** The record of a training stage that ran alone: which one it was, and its settings. @module */
import { stringify } from "yaml";
import type { IterationConfig } from "../config/config_types.ts";
import { writeFileAtomic } from "../files/atomic.ts";
import { runPaths } from "./run_paths.ts";

/** A stage that makes a model and runs alone. */
export type TrainingStage = "sft" | "optimize";

/**
 * Writes what made the model of `folder` into its stage.yaml. It is no config.yaml, with which `train` would go on: it
 * holds `stage`, and only those settings that the stage reads.
 */
export async function recordStage(folder: string, stage: TrainingStage, settings: IterationConfig): Promise<void> {
  const record = { stage, ...settingsOf(stage, settings) };
  await writeFileAtomic(
    runPaths(folder).stage,
    stringify(record, { lineWidth: 0, aliasDuplicateObjects: false, keepUndefined: false }),
  );
}

function settingsOf(
  stage: TrainingStage,
  { model, pairs, iteration, dtype, data, training, noise }: IterationConfig,
): Record<string, unknown> {
  const { eval: _, eval_limit: __, train, ...reading } = data;
  const shared = { model, iteration, dtype, training };
  return stage === "sft"
    ? { ...shared, data: { ...(train !== undefined && { train }), ...reading } }
    : { ...shared, pairs, data: reading, noise };
}
