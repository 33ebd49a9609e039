/** Single stages, as commands and programs call them. @module */
import { requireFor, type ResolvedConfig } from "../config/config.ts";
import { exists } from "../files/io.ts";
import { withGivenJudge } from "../label/function_judge.ts";
import type { LabelReport } from "../label/label_pairs.ts";
import { type RunHooks, withRun } from "../run/run_context.ts";
import { fixStage, type TrainingStage } from "../run/stage_record.ts";
import type { StepMetrics } from "../train/step_metrics.ts";
import { generateStage } from "./generate_stage.ts";
import { labelStage } from "./label_stage.ts";
import { optimizeStage } from "./optimize_stage.ts";
import { runStage } from "./run_stage.ts";
import { generateStep, labelStep, needsOf, optimizeStep } from "./schedule.ts";
import { checkSteps } from "./schedule_checks.ts";

/**
 * Samples a response to every prompt: writes OUTPUT_DIR/iteration-K/responses.jsonl and returns its path.
 *
 * @example
 * ```ts
 * import { loadConfig, runGenerate } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * const set = [
 *   `output_dir=${await Deno.makeTempDir()}`,
 *   "data.limit=16",
 *   "data.eval=null",
 *   "training.max_steps=1",
 * ];
 * const config = await loadConfig("examples/quickstart/config.yaml", { set });
 * const path = await runGenerate(config);
 * assert.equal((await Deno.readTextFile(path)).trimEnd().split("\n").length, 16);
 * ```
 */
export async function runGenerate(config: ResolvedConfig, hooks: RunHooks = {}): Promise<string> {
  requireFor("generate", config);
  const step = await generateStep(config);
  await withRun(config, { needs: needsOf([step]), hooks }, async (context) => {
    const isThere = await exists(step.paths.responses);
    await runStage(context, step, () => generateStage(context, step));
    if (isThere) context.onNote(`${step.paths.responses} was complete already; nothing is generated`);
  });
  return step.paths.responses;
}

/**
 * Labels the responses: writes OUTPUT_DIR/iteration-K/pairs.jsonl.
 *
 * @example
 * ```ts
 * import { loadConfig, runGenerate, runLabel } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * const set = [
 *   `output_dir=${await Deno.makeTempDir()}`,
 *   "data.limit=16",
 *   "data.eval=null",
 *   "training.max_steps=1",
 * ];
 * const config = await loadConfig("examples/quickstart/config.yaml", { set });
 * await runGenerate(config);
 * const { report } = await runLabel(config, { judge: ({ response }) => -response.length });
 * assert.ok(report.pairs > 0 && report.pairs <= 16);
 * ```
 */
export async function runLabel(
  given: ResolvedConfig,
  hooks: RunHooks = {},
): Promise<{ path: string; report: LabelReport }> {
  const config = withGivenJudge(given, hooks);
  requireFor("label", config);
  const step = await labelStep(config);
  checkSteps([step], hooks);
  return await withRun(config, { needs: needsOf([step]), hooks }, async (context) => {
    const report = await runStage(context, step, () => labelStage(context, step));
    return { path: step.paths.pairs, report };
  });
}

/**
 * Trains on the config's `pairs`: writes OUTPUT_DIR/model/, stage.yaml, noise.safetensors (with noise) and
 * metrics.jsonl.
 *
 * @example
 * ```ts
 * import { loadConfig, runGenerate, runLabel, runOptimize } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * const set = [
 *   `output_dir=${await Deno.makeTempDir()}`,
 *   "data.limit=16",
 *   "data.eval=null",
 *   "training.max_steps=1",
 * ];
 * const config = await loadConfig("examples/quickstart/config.yaml", { set });
 * await runGenerate(config);
 * const { path: pairs } = await runLabel(config, { judge: ({ response }) => -response.length });
 * const { last } = await runOptimize({ ...config, pairs });
 * // Where policy and reference are the same, the loss is near ln 2: the noise is all that differs.
 * assert.ok(Math.abs(last.loss! - Math.LN2) < 0.1);
 * ```
 */
export async function runOptimize(
  config: ResolvedConfig,
  hooks: RunHooks = {},
): Promise<{ model: string; last: StepMetrics }> {
  requireFor("optimize", config);
  return await runTraining(config, hooks, "optimize");
}

/**
 * Trains on the human responses of the data: writes OUTPUT_DIR/model/, stage.yaml and metrics.jsonl.
 *
 * @example
 * ```ts
 * import { loadConfig, runSft } from "@dnpo/dnpo";
 * import assert from "node:assert/strict";
 *
 * const set = [
 *   `output_dir=${await Deno.makeTempDir()}`,
 *   "data.limit=16",
 *   "data.eval=null",
 *   "training.max_steps=1",
 * ];
 * const config = await loadConfig("examples/quickstart/config.yaml", { set });
 * const { model, last } = await runSft(config);
 * assert.ok(last.loss! > 0 && model.endsWith("/model"));
 * ```
 */
export async function runSft(
  config: ResolvedConfig,
  hooks: RunHooks = {},
): Promise<{ model: string; last: StepMetrics }> {
  requireFor("sft", config);
  return await runTraining(config, hooks, "sft");
}

async function runTraining(
  config: ResolvedConfig,
  hooks: RunHooks,
  stage: TrainingStage,
): Promise<{ model: string; last: StepMetrics }> {
  const step = optimizeStep(config, stage === "sft" ? "sft" : "pairs");
  checkSteps([step], hooks);
  return await withRun(config, { needs: needsOf([step]), hooks }, async (context) => {
    await fixStage(config.output_dir, stage, step.settings);
    const last = await runStage(context, step, () => optimizeStage(context, step));
    return { model: (step.makes.model ?? step.makes.adapter)!, last };
  });
}
