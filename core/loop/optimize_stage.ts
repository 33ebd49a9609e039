/** Stage 3: the model is trained on the pairs, or on the human responses (`sft`). @module */
import type { Dtype } from "../checkpoint/dtype.ts";
import { writeSafetensors } from "../checkpoint/write.ts";
import type { IterationConfig } from "../config/types.ts";
import { readPairs } from "../data/files.ts";
import { loadModel, type Model, saveModel } from "../model/model.ts";
import type { ParameterBuffers } from "../tensor/parameters.ts";
import type { TrainingRows } from "../train/batches.ts";
import type { StepMetrics } from "../train/metrics.ts";
import { optimize } from "../train/optimize.ts";
import { type RunContext, StoppedError, throwIfStopped, tokenizerOf } from "./context.ts";
import { readExamples } from "./generate_stage.ts";
import { appendTiming, openMetrics } from "./log.ts";
import { noteReport, noteSkipped } from "./notes.ts";
import type { StagePaths } from "./paths.ts";

/** What an optimize stage works on. */
export interface OptimizeStage {
  settings: IterationConfig;
  /** Folder of the model to start from, which is the reference too. */
  model: string;
  /** Files of pairs, in the order their rows are counted; none for `sft`. */
  pairs: readonly string[];
  paths: StagePaths;
  /** Storage type of the saved model. */
  dtype: Dtype;
  /** Where the noise generator is saved, if it is. */
  noise?: string;
}

/** Trains and saves the model, or goes on from the saved state. Throws StoppedError where it was stopped. */
export async function optimizeStage(context: RunContext, stage: OptimizeStage): Promise<StepMetrics> {
  const { settings, paths } = stage;
  const { device } = context;
  throwIfStopped(context);
  const model = await loadModel(device, stage.model);
  const isSft = settings.training.loss_type === "sft";
  const reference = isSft ? null : (await loadModel(device, stage.model)).weights;
  try {
    const data = isSft ? await readSftRows(context, { model, stage }) : await readPairRows(context, { model, stage });
    const started = performance.now();
    const result = await optimize({
      commands: context.commands,
      model,
      reference,
      data,
      settings,
      stateDir: paths.state,
      openLog: (step) => openMetrics(context, { stage: "optimize", iteration: settings.iteration, step }),
      onProgress: context.onProgress,
      signal: context.signal,
    });
    try {
      if (!result.finished) throw new StoppedError(`The run was stopped after step ${result.done} of ${result.steps}`);
      if (result.skipped > 0) {
        context.onNote(`${result.skipped} of ${result.steps} steps were skipped for a NaN or Inf in loss or gradients`);
      }
      if (stage.noise && result.noise) await saveNoise(stage.noise, result.noise);
      await saveModel(paths.model, model, stage.dtype);
    } finally {
      result.free();
    }
    await dropState(paths);
    const seconds = (performance.now() - started) / 1000;
    await appendTiming(context, { iteration: settings.iteration, stage: "optimize", seconds, steps: result.steps });
    return result.last;
  } finally {
    model.weights.free();
    reference?.free();
  }
}

/** Removes the resume states of a stage whose model is saved. */
export async function dropState({ state }: StagePaths): Promise<void> {
  // What stays behind would only take room.
  await Deno.remove(state, { recursive: true }).catch(() => {});
}

async function saveNoise(path: string, noise: ParameterBuffers): Promise<void> {
  const read = await noise.download();
  await writeSafetensors(
    path,
    ["weight", "bias"].map((name) => {
      const values = read(name);
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      return { name, dtype: "F32", shape: noise.place(name).shape, bytes: () => Promise.resolve(bytes) };
    }),
  );
}

async function readPairRows(
  context: RunContext,
  { model, stage }: { model: Model; stage: OptimizeStage },
): Promise<TrainingRows> {
  const { data } = stage.settings;
  const tokenizer = await tokenizerOf(stage.model);
  const rows = [];
  let first = 0;
  for (const path of stage.pairs) {
    const { pairs, report, skipped } = await readPairs(path, {
      tokenizer,
      vocabSize: model.config.vocabSize,
      maxLength: data.max_length,
      onBadRow: data.on_bad_row,
      ...(data.template !== undefined && { template: data.template }),
    });
    noteSkipped(context, path, skipped);
    noteReport(context, path, { report, maxLength: data.max_length });
    for (const { row, promptIds, chosenIds, rejectedIds } of pairs) {
      rows.push({ example: first + row, promptIds, chosenIds, rejectedIds });
    }
    // Counted before any row is dropped (METHOD, "The random numbers").
    first += report.rows + skipped.length;
  }
  return { kind: "pairs", rows };
}

async function readSftRows(
  context: RunContext,
  { model, stage }: { model: Model; stage: OptimizeStage },
): Promise<TrainingRows> {
  const tokenizer = await tokenizerOf(stage.model);
  const examples = await readExamples(context, { model, tokenizer, settings: stage.settings });
  return {
    kind: "examples",
    rows: examples.map(({ row, promptIds, responseIds }) => ({ example: row, promptIds, responseIds })),
  };
}
