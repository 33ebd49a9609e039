/** Single stages, and scoring, as commands and programs call them. @module */
import { Commands } from "../../kernels/device/commands.ts";
import { openModelFolder } from "../checkpoint/model_folder.ts";
import { forIteration, forSft, requireFor, type ResolvedConfig } from "../config/config.ts";
import { readPairs } from "../data/stage_files.ts";
import { tokenizerOf } from "../data/tokenizer/tokenizer.ts";
import { openToolDevice } from "../device/run_device.ts";
import { dtypeOfName } from "../dtype.ts";
import { exists } from "../files/io.ts";
import { resolveDataset, resolveModel } from "../hub/resolve_name.ts";
import type { LabelReport } from "../label/label_pairs.ts";
import { checkVerifiers } from "../label/verifier_use.ts";
import { loadModel } from "../model/model.ts";
import { scorePairs as scoreAll } from "../model/scorer.ts";
import type { OnProgress } from "../progress.ts";
import { type RunContext, type RunHooks, withRun } from "../run/run_context.ts";
import { iterationPaths, runPaths, stagePaths } from "../run/run_paths.ts";
import type { StepMetrics } from "../train/step_metrics.ts";
import { generateStage } from "./generate_stage.ts";
import { labelStage } from "./label_stage.ts";
import { optimizeStage } from "./optimize_stage.ts";
import { during } from "./run_stage.ts";

/** Samples a response to every prompt: writes OUTPUT_DIR/iteration-K/responses.jsonl and returns its path. */
export async function runGenerate(config: ResolvedConfig, hooks: RunHooks = {}): Promise<string> {
  requireFor("generate", config);
  const { iteration, output_dir: folder } = config;
  const paths = iterationPaths(folder, iteration);
  return await withRun(config, { stage: "generate", hooks }, async (context) => {
    const stage = { iteration, model: await generatorOf(context), paths };
    await during(context, { stage: "generate", iteration }, () => generateStage(context, stage));
    return paths.responses;
  });
}

/** Labels the responses: writes OUTPUT_DIR/iteration-K/pairs.jsonl. */
export async function runLabel(
  config: ResolvedConfig,
  hooks: RunHooks = {},
): Promise<{ path: string; report: LabelReport }> {
  requireFor("label", config);
  checkVerifiers(config, hooks, { iterations: [config.iteration], judges: true, evaluates: false });
  const { iteration, output_dir: folder } = config;
  const paths = iterationPaths(folder, iteration);
  return await withRun(config, { stage: "label", hooks }, async (context) => {
    const stage = { iteration, model: await generatorOf(context), paths };
    const report = await during(context, { stage: "label", iteration }, () => labelStage(context, stage));
    return { path: paths.pairs, report };
  });
}

/** Trains on the config's `pairs`: leaves OUTPUT_DIR/model/, noise.safetensors (with noise) and metrics.jsonl. */
export async function runOptimize(
  config: ResolvedConfig,
  hooks: RunHooks = {},
): Promise<{ model: string; last: StepMetrics }> {
  requireFor("optimize", config);
  const { output_dir: folder, iteration } = config;
  return await runTraining(config, hooks, {
    settings: forIteration(config, iteration),
    pairs: [config.pairs!],
    noise: runPaths(folder).noise,
  });
}

/** Trains on the human responses of the data: leaves OUTPUT_DIR/model/ and metrics.jsonl. */
export async function runSft(
  config: ResolvedConfig,
  hooks: RunHooks = {},
): Promise<{ model: string; last: StepMetrics }> {
  requireFor("sft", config);
  return await runTraining(config, hooks, { settings: forSft(config), pairs: [] });
}

async function runTraining(
  config: ResolvedConfig,
  hooks: RunHooks,
  stage: { settings: ReturnType<typeof forIteration>; pairs: string[]; noise?: string },
): Promise<{ model: string; last: StepMetrics }> {
  const paths = stagePaths(config.output_dir);
  const isSft = stage.pairs.length === 0;
  return await withRun(config, { stage: isSft ? "sft" : "optimize", hooks }, async (context) => {
    const model = await context.sources.model(config.model!);
    const dtype = dtypeOfName(config.dtype) ?? (await openModelFolder(model)).dtype;
    const last = await during(
      context,
      { stage: "optimize", iteration: stage.settings.iteration },
      () => optimizeStage(context, { ...stage, model, paths, dtype }),
    );
    return { model: paths.model, last };
  });
}

/** The model that answers: the one before `iteration` where the run has made it, else the config's. */
export async function generatorOf({ config, sources }: Pick<RunContext, "config" | "sources">): Promise<string> {
  const { model, output_dir: folder, iteration } = config;
  const before = iterationPaths(folder, iteration - 1).model;
  if (iteration > 0 && await exists(before)) return before;
  return model === undefined ? "" : await sources.model(model);
}

/** Summed log-probabilities of a pair's two responses, in nats. */
export interface PairScore {
  chosen: number;
  rejected: number;
}

/**
 * Scores every pair of `pairs`, a file or what else `data.train` may be, under the model `model`, a folder or
 * `org/name[@revision]` on the hub. Throws UserError or DeviceError.
 */
export async function scorePairs(
  { model: name, pairs: path, onProgress = () => {} }: { model: string; pairs: string; onProgress?: OnProgress },
): Promise<PairScore[]> {
  const dir = (await resolveModel(name, { onProgress })).paths[0]!;
  const tokenizer = await tokenizerOf(dir);
  const { config } = await openModelFolder(dir);
  const locate = async (source: string): Promise<readonly string[]> =>
    (await resolveDataset(source, { onProgress })).paths;
  const { pairs } = await readPairs(path, { tokenizer, vocabSize: config.vocabSize, maxLength: null, locate });
  const device = await openToolDevice();
  try {
    const model = await loadModel(device, dir);
    const sums = await scoreAll(new Commands(device), model, {
      pairs: pairs.map(({ row: example, ...ids }) => ({ example, ...ids })),
      onDone: (done) => onProgress({ stage: "score", done, total: pairs.length }),
    });
    return pairs.map((_, i) => ({ chosen: sums[2 * i]!, rejected: sums[2 * i + 1]! }));
  } finally {
    device.destroy();
  }
}
