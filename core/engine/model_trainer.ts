/** Trains a model step by step, from a program. @module */
import type { IterationConfig } from "../config/config.ts";
import { checkPrecision } from "../device/check_precision.ts";
import { UserError } from "../error.ts";
import { ParameterBuffers } from "../model/parameter_buffers.ts";
import { parametersOf } from "../model/parameters.ts";
import { checkTrainable } from "../model/trainable_weights.ts";
import { LOSSES } from "../train/losses/losses.ts";
import { referenceLogps } from "../train/reference_logps.ts";
import { type LogpsRequest, RowTrainer } from "../train/row_trainer.ts";
import type { StepMetrics } from "../train/step_metrics.ts";
import { exampleRows, pairRows, type TrainingRows } from "../train/training_rows.ts";
import { exampleIds, pairIds, type Row } from "./engine_rows.ts";
import { type TrainingSettings, trainingSettings } from "./engine_settings.ts";
import type { LanguageModel } from "./language_model.ts";

/** Takes the optimizer steps over its rows one by one; disposing of it keeps the trained model. */
export class ModelTrainer implements Disposable {
  readonly #trainer: RowTrainer;
  readonly #held = new DisposableStack();
  #isBusy = false;

  /** Programs call {@linkcode createTrainer} instead. */
  constructor(trainer: RowTrainer, free: () => void) {
    this.#trainer = trainer;
    this.#held.defer(free);
  }

  /** Optimizer steps in all, by `num_train_epochs` or `max_steps`. */
  get steps(): number {
    return this.#trainer.order.steps;
  }

  /** Steps that are done. */
  get done(): number {
    return this.#trainer.done;
  }

  /**
   * Takes the next step and returns its numbers: `loss`, `rewards/margins`, `grad_norm`, … by TRL's names. Throws
   * RangeError after the last step, while another step is under way, or once it is disposed of; DeviceError; or a
   * UserError if loss or gradients are not finite (`on_nan`).
   */
  async step(): Promise<StepMetrics> {
    const refuse = (why: string): RangeError => new RangeError(`Cannot take a step: ${why}`);
    if (this.#held.disposed) throw refuse("the trainer is disposed of");
    if (this.#isBusy) throw refuse("another one is under way, expected one at a time");
    if (this.done === this.steps) throw refuse(`all ${this.steps} are done`);
    this.#isBusy = true;
    try {
      await this.#trainer.advance();
      const [metrics] = await this.#trainer.read();
      return metrics!;
    } finally {
      this.#isBusy = false;
    }
  }

  /** Frees everything but the model; a second call does nothing. */
  [Symbol.dispose](): void {
    this.#held.dispose();
  }
}

/**
 * Prepares training the model in place, on pairs (`{prompt, chosen, rejected}`) or with `loss_type` sft on answers
 * (`{prompt, response}`). The reference is the model as it is now. The numbers are those of a run's optimize stage with
 * the same settings and rows. Throws a UserError naming the key or the row that is wrong, or DeviceError.
 *
 * @example
 * ```ts
 * import { createTrainer, openDevice, openModel } from "@dnpo/dnpo/engine";
 * import assert from "node:assert/strict";
 *
 * using device = await openDevice();
 * using model = await openModel(device, "examples/quickstart/model");
 * const rows = [{ prompt: "sort cab>", chosen: "abc", rejected: "cab" }];
 * using trainer = await createTrainer(model, rows, { training: { learning_rate: 1e-4, max_steps: 2 }, noise: "none" });
 * const first = await trainer.step();
 * // Where policy and reference are the same, the loss is ln 2.
 * assert.ok(Math.abs(first.loss! - Math.LN2) < 1e-6);
 * ```
 */
export async function createTrainer(
  model: LanguageModel,
  rows: readonly Row[],
  settings: TrainingSettings = {},
): Promise<ModelTrainer> {
  const resolved = await trainingSettings(settings);
  checkPrecision(model.commands.device, resolved.training.precision);
  if (model.adapter === null) checkTrainable(model.folder);
  const data = trainingRows(model, rows, resolved);
  const { commands } = model;
  const reference = resolved.noise === "none" ? null : copyOf(model);
  const logps = ({ steps: _, ...request }: LogpsRequest) => referenceLogps(commands, { ...request, scorer: model });
  try {
    const trainer = await RowTrainer.create(commands, {
      model,
      data,
      settings: resolved,
      reference: reference && parametersOf(reference),
      logps,
    });
    return new ModelTrainer(trainer, () => {
      trainer.free();
      reference?.free();
      commands.release();
    });
  } catch (error) {
    reference?.free();
    throw error;
  }
}

function trainingRows(model: LanguageModel, rows: readonly Row[], { training, data }: IterationConfig): TrainingRows {
  if (rows.length === 0) throw new UserError("Cannot train: there are no rows, expected at least one");
  return LOSSES[training.loss_type].rows === "pairs"
    ? pairRows(pairIds(model, rows, data.max_length))
    : exampleRows(exampleIds(model, rows, { maxLength: data.max_length, joint: true }));
}

/** A copy of the weights as they are now, in buffers of its own. */
function copyOf({ commands, weights: { layout, chunks } }: LanguageModel): ParameterBuffers {
  const copy = new ParameterBuffers(commands.device, { layout, label: "reference", part: "reference" });
  chunks.forEach((chunk, i) => commands.copy(copy.chunks[i]!, chunk));
  commands.submit();
  return copy;
}
