/** Stage 3: the model is trained on the pairs, or on the human responses (`sft`). @module */
import type { ModelFolder } from "../checkpoint/model_folder.ts";
import type { DataConfig } from "../config/config_types.ts";
import { type DataSource, sourceName } from "../data/formats/data_sources.ts";
import { readPairs } from "../data/stage_files.ts";
import { tokenizerOf } from "../data/tokenizer/tokenizer.ts";
import { dtypeOfName } from "../dtype.ts";
import { readText, removePath } from "../files/io.ts";
import type { AnyModel } from "../model/model.ts";
import type { PairIds } from "../model/pack.ts";
import { layoutLimits } from "../model/plan_decoder.ts";
import { appendTiming, openMetrics } from "../run/metrics_log.ts";
import { warnOfPositions } from "../run/nonsense_notes.ts";
import { noteOnce, noteReport, noteShapes, noteSkipped } from "../run/row_notes.ts";
import { type RunContext, throwIfStopped } from "../run/run_context.ts";
import type { StagePaths } from "../run/run_paths.ts";
import { readingOf } from "../run/run_rows.ts";
import { LOSSES } from "../train/losses/losses.ts";
import { checkNoiseFile, saveNoise } from "../train/noise_file.ts";
import { isNoiseFile, noiseShape, planNoise } from "../train/noise_generator.ts";
import { optimize } from "../train/optimize.ts";
import type { StepMetrics } from "../train/step_metrics.ts";
import { chosenExample, exampleRows, pairRows, type TrainingRows } from "../train/training_rows.ts";
import { readExamples } from "./generate_stage.ts";
import { handOut } from "./hand_out.ts";
import { folderOf } from "./model_ref.ts";
import { openPolicy } from "./policy.ts";
import type { OptimizeStep } from "./schedule.ts";

/** Trains and saves the model; goes on from a saved state if there is one. Throws StoppedError if it was stopped. */
export async function optimizeStage(context: RunContext, step: OptimizeStep): Promise<StepMetrics> {
  const { settings, paths } = step;
  throwIfStopped(context);
  const dir = await folderOf(context, step.model);
  const files = await context.checksums.identityOf(dir);
  if (settings.noise !== "none" && isNoiseFile(settings.noise.init)) await checkNoiseFile(settings.noise.init);
  const policy = await openPolicy(context, step);
  const { model, scorer, reference } = policy;
  try {
    if (settings.noise !== "none") {
      // A rank that the generator cannot have is refused before the reference scores the rows.
      planNoise(noiseShape(model.config, settings.noise), layoutLimits(context.device, model.config));
    }
    const data = await readTrainingRows(context, { model, step });
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
      stateDir: paths.state,
      openLog: (done) => openMetrics(context, { stage: "optimize", iteration: settings.iteration, step: done }),
      onProgress: context.onProgress,
      onUnchecked: (path) => context.checksums.noteUnchecked(path),
      signal: context.signal,
    });
    try {
      if (result.skipped > 0) {
        context.onNote(`${result.skipped} of ${result.steps} steps were skipped for a NaN or Inf in loss or gradients`);
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

/** Reads the step's rows as the loss takes them; a loss on single answers takes the chosen ones of pairs. */
async function readTrainingRows(
  context: RunContext,
  { model, step }: { model: AnyModel; step: OptimizeStep },
): Promise<TrainingRows> {
  const takesPairs = LOSSES[step.settings.training.loss_type].rows === "pairs";
  if (step.rows === "data" && !takesPairs) return await readExampleRows(context, { model, step });
  const pairs = await readPairIds(context, { model, step });
  return takesPairs ? pairRows(pairs) : exampleRows(pairs.map(chosenExample));
}

async function readPairIds(
  context: RunContext,
  { model, step: { settings, rows: ref } }: { model: AnyModel; step: OptimizeStep },
): Promise<PairIds[]> {
  const { data } = settings;
  warnOfPositions(context, { maxLength: data.max_length, positions: model.config.maxPositionEmbeddings });
  const tokenizer = await tokenizerOf(model.folder.files, data);
  const rows = [];
  let first = 0;
  const sources: readonly DataSource[] = ref === "data" ? [data.train!] : "name" in ref ? [ref.name] : ref.files;
  for (const source of sources) {
    const name = sourceName(source);
    if (typeof ref === "object" && "files" in ref) await context.checksums.checkRows(name);
    const { locate, onBadRow, template, ...mapping } = readingOf(context, { settings });
    const { pairs, report, skipped, shapes, unread } = await readPairs(source, {
      tokenizer,
      vocabSize: model.config.vocabSize,
      maxLength: data.max_length,
      encoder: context.encoder,
      ...(locate && { locate }),
      ...(onBadRow && { onBadRow }),
      ...(template !== undefined && { template }),
      // Columns, limit and order apply to data.train only.
      ...(ref === "data" && mapping),
    });
    for (const line of unread) noteOnce(context, line);
    noteShapes(context, name, shapes);
    noteSkipped(context, name, skipped);
    noteReport(context, name, { report, maxLength: data.max_length });
    for (const { row, promptIds, chosenIds, rejectedIds } of pairs) {
      rows.push({ example: first + row, promptIds, chosenIds, rejectedIds });
    }
    // Rows are counted before any is dropped (docs/method.md, "The random numbers").
    first += report.rows + skipped.length;
  }
  return rows;
}

async function readExampleRows(
  context: RunContext,
  { model, step: { settings } }: { model: AnyModel; step: OptimizeStep },
): Promise<TrainingRows> {
  const { data } = settings;
  const tokenizer = await tokenizerOf(model.folder.files, data);
  const allTurns = data.assistant_only_loss ?? false;
  const examples = await readExamples(context, { model, tokenizer, settings, allTurns, joint: true });
  return exampleRows(examples.map(({ row, promptIds, responseIds, lossMask }) => ({
    example: row,
    promptIds,
    responseIds,
    ...(lossMask && { lossMask }),
  })));
}
