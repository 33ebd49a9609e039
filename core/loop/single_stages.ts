/** The stages by themselves, as commands and programs call them. @module */
import { requireFor, type ResolvedConfig } from "../config/config.ts";
import type { LabelReport } from "../label/label_pairs.ts";
import { type RunHooks, withRun } from "../run/run_context.ts";
import type { StepMetrics } from "../train/step_metrics.ts";
import { generateStage } from "./generate_stage.ts";
import { labelStage } from "./label_stage.ts";
import { optimizeStage } from "./optimize_stage.ts";
import { runStage } from "./run_stage.ts";
import { generateStep, labelStep, needsOf, type OptimizeStep, optimizeStep } from "./schedule.ts";
import { checkSteps } from "./schedule_checks.ts";

/** Samples a response to every prompt: writes OUTPUT_DIR/iteration-K/responses.jsonl and returns its path. */
export async function runGenerate(config: ResolvedConfig, hooks: RunHooks = {}): Promise<string> {
  requireFor("generate", config);
  const step = await generateStep(config);
  await withRun(config, { needs: needsOf([step]), hooks }, async (context) => {
    await runStage(context, step, () => generateStage(context, step));
  });
  return step.paths.responses;
}

/** Labels the responses: writes OUTPUT_DIR/iteration-K/pairs.jsonl. */
export async function runLabel(
  config: ResolvedConfig,
  hooks: RunHooks = {},
): Promise<{ path: string; report: LabelReport }> {
  requireFor("label", config);
  const step = await labelStep(config);
  checkSteps([step], hooks);
  return await withRun(config, { needs: needsOf([step]), hooks }, async (context) => {
    const report = await runStage(context, step, () => labelStage(context, step));
    return { path: step.paths.pairs, report };
  });
}

/** Trains on the config's `pairs`: leaves OUTPUT_DIR/model/, noise.safetensors (with noise) and metrics.jsonl. */
export async function runOptimize(
  config: ResolvedConfig,
  hooks: RunHooks = {},
): Promise<{ model: string; last: StepMetrics }> {
  requireFor("optimize", config);
  return await runTraining(config, hooks, optimizeStep(config, "pairs"));
}

/** Trains on the human responses of the data: leaves OUTPUT_DIR/model/ and metrics.jsonl. */
export async function runSft(
  config: ResolvedConfig,
  hooks: RunHooks = {},
): Promise<{ model: string; last: StepMetrics }> {
  requireFor("sft", config);
  return await runTraining(config, hooks, optimizeStep(config, "sft"));
}

async function runTraining(
  config: ResolvedConfig,
  hooks: RunHooks,
  step: OptimizeStep,
): Promise<{ model: string; last: StepMetrics }> {
  checkSteps([step], hooks);
  return await withRun(config, { needs: needsOf([step]), hooks }, async (context) => {
    const last = await runStage(context, step, () => optimizeStage(context, step));
    return { model: step.paths.model, last };
  });
}
