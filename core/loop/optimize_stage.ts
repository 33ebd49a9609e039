/** Stage 3: the model is trained on the pairs, or on the human responses (`sft`). @module */
import type { ModelFolder } from "../checkpoint/model_folder.ts";
import type { DataConfig } from "../config/config_types.ts";
import { tokenizerOf } from "../data/tokenizer/tokenizer.ts";
import { dtypeOfName } from "../dtype.ts";
import { readText, removePath } from "../files/io.ts";
import { layoutLimits } from "../model/plan_decoder.ts";
import { WARNING } from "../progress.ts";
import { appendTiming, openMetrics } from "../run/metrics_log.ts";
import { type RunContext, throwIfStopped } from "../run/run_context.ts";
import type { StagePaths } from "../run/run_paths.ts";
import { gatherModel } from "../run/share_model.ts";
import { checkNoiseFile, saveNoise } from "../train/noise_file.ts";
import { isNoiseFile, noiseShape, planNoise } from "../train/noise_generator.ts";
import { optimize } from "../train/optimize.ts";
import type { StepMetrics } from "../train/step_metrics.ts";
import { handOut } from "./hand_out.ts";
import { folderOf } from "./model_ref.ts";
import { openPolicy } from "./policy.ts";
import { readHeldOut, readTrainingRows } from "./read_rows_of_step.ts";
import { evaluatesSteps, type OptimizeStep } from "./schedule.ts";
import { startDigests } from "./start_digests.ts";

/** Trains and saves the model; goes on from a saved state if there is one. Throws StoppedError if it was stopped. */
export async function optimizeStage(context: RunContext, step: OptimizeStep): Promise<StepMetrics> {
  const { settings, paths } = step;
  throwIfStopped(context);
  const dir = await folderOf(context, step.model);
  const files = await context.checksums.identityOf(dir);
  await gatherModel(context, { dir, files });
  if (settings.noise !== "none" && isNoiseFile(settings.noise.init)) await checkNoiseFile(settings.noise.init);
  const policy = await openPolicy(context, step);
  const { model, scorer, reference } = policy;
  try {
    if (settings.noise !== "none") {
      // A rank that the generator cannot have is refused before the reference scores the rows.
      planNoise(noiseShape(model.config, settings.noise), layoutLimits(context.device, model.config));
    }
    const heldOut = evaluatesSteps(settings)
      ? await readHeldOut(context, {
        model: model.folder,
        tokenizer: await tokenizerOf(model.folder.files, settings.data),
        settings,
      })
      : null;
    const data = await readTrainingRows(context, { folder: model.folder, step });
    const started = performance.now();
    const result = await optimize({
      commands: context.commands,
      model,
      reference,
      scorer,
      data,
      settings,
      files,
      referencePath: paths.reference,
      ...(heldOut && { heldOut: { rows: heldOut, referencePath: paths.heldOutReference } }),
      stateDir: paths.state,
      openLog: (done) => openMetrics(context, { stage: "optimize", iteration: settings.iteration, step: done }),
      onProgress: context.onProgress,
      onNote: context.onNote,
      onUnchecked: (path) => context.checksums.noteUnchecked(path),
      signal: context.signal,
      crew: context.crew,
      ...(context.crew && { start: await startDigests(context, dir, settings) }),
    });
    try {
      if (result.skipped > 0) {
        const share = `${result.skipped} of ${result.steps} steps`;
        context.onNote(`${WARNING}${share} were skipped for a NaN or Inf in loss or gradients`);
      }
      if (step.noise !== null && result.noise) await saveNoise(step.noise, result.noise);
      // Handing out needs memory of its own.
      result.free();
      const folder = await withChatTemplate(model.folder, settings.data);
      const dtype = step.keepsFloat32 ? "F32" : dtypeOfName(settings.dtype) ?? folder.dtype;
      await handOut(context, {
        model: { ...model, folder },
        makes: step.makes,
        dtype,
      });
    } finally {
      result.free();
    }
    await dropState(paths);
    const seconds = (performance.now() - started) / 1000;
    await appendTiming(context, { iteration: settings.iteration, stage: "optimize", seconds, steps: result.steps });
    return result.last;
  } finally {
    policy.free();
  }
}

/** The folder with the chat template of `data.chat_template` in place of its own, if one is named. */
export async function withChatTemplate(
  folder: ModelFolder,
  { chat_template: path }: Pick<DataConfig, "chat_template">,
): Promise<ModelFolder> {
  return path === undefined ? folder : { ...folder, chatTemplate: await readText(path, { isStrict: true }) };
}

/** Removes the resume states of a stage whose model is saved. */
export async function dropState({ state }: StagePaths): Promise<void> {
  // Files that cannot be removed only take up space.
  await removePath(state).catch(() => {});
}
