/** Checks a schedule before any work is done. @module */
import type { IterationConfig, ResolvedConfig } from "../config/config.ts";
import { sourceName } from "../data/formats/data_sources.ts";
import { UserError } from "../error.ts";
import { exists } from "../files/io.ts";
import { checkJudgeFiles, checkVerifierFile } from "../label/judge_files.ts";
import { checkJudges, checkVerifierAllowed } from "../label/verifier_use.ts";
import { hasJudge } from "../run/nonsense_notes.ts";
import type { RunHooks } from "../run/run_context.ts";
import { LOSSES } from "../train/losses/losses.ts";
import type { LabelStep, Step } from "./schedule.ts";

/**
 * Throws a UserError if a step would run a forbidden verifier, has noise and a loss without a reference, or would train
 * quantized weights.
 */
export function checkSteps(steps: readonly Step[], hooks: RunHooks): void {
  for (const { stage, settings } of steps) {
    if (stage === "label") checkJudges(settings.labels, hooks);
    if (stage !== "optimize") continue;
    checkNoise(settings);
    checkTrained(settings);
  }
  for (const { stage, settings: { labels } } of steps) {
    if (stage !== "evaluate" || labels.verifier === undefined) continue;
    checkVerifierAllowed({ ...labels, verifier: labels.verifier }, hooks, "the evaluation needs it");
  }
}

/**
 * Throws a UserError if method dpo has rows without pairs, and no judge is set: the human answer would always be chosen,
 * which is SPIN.
 */
export function checkPairs(config: ResolvedConfig, { hasPairs }: { hasPairs: boolean }): void {
  if (config.method !== "dpo" || hasPairs || hasJudge(config)) return;
  throw new UserError(
    `Cannot train with method dpo on ${
      sourceName(config.data.train!)
    }: its rows have no chosen and rejected answers, expected pairs, or labels.judge set, which judges answers of the ` +
      "model (method spin always takes the human answer)",
  );
}

/** The steps that are left to label answers. */
export async function labelsLeft(steps: readonly Step[]): Promise<LabelStep[]> {
  const left: LabelStep[] = [];
  for (const step of steps) {
    if (step.stage !== "label") continue;
    const { pairs, model, adapter } = step.paths;
    if (await exists(pairs) || await exists(model) || await exists(adapter)) continue;
    left.push(step);
  }
  return left;
}

/**
 * Throws a UserError if a step that is left to do, with `isAnew` any step, judges with a file or a local model that is not
 * there.
 */
export async function checkJudging(steps: readonly Step[], { isAnew = false } = {}): Promise<void> {
  const labelling = isAnew ? steps.filter(({ stage }) => stage === "label") : await labelsLeft(steps);
  for (const { settings } of labelling) await checkJudgeFiles(settings.labels);
  for (const { stage, settings: { labels }, paths } of steps) {
    if (stage !== "evaluate" || labels.verifier === undefined) continue;
    if (isAnew || !await exists(paths.evaluation)) await checkVerifierFile(labels.verifier);
  }
}

function checkTrained({ quantization, lora }: IterationConfig): void {
  if (quantization === "none" || lora !== undefined) return;
  throw new UserError(
    `Cannot train all weights with quantization ${quantization}: quantized weights stay as they are, expected lora to be set, or quantization: none`,
  );
}

function checkNoise({ noise, training: { loss_type: loss } }: IterationConfig): void {
  if (noise === "none" || LOSSES[loss].needsReference) return;
  throw new UserError(
    `Cannot train with noise and loss_type ${loss}: the noise is on a reference, which ${loss} does not have; expected noise: none`,
  );
}
