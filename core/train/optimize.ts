/** The optimize stage: every optimizer step of an iteration, logged, saved and resumable. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import { folderIdentity } from "../checkpoint/folder_identity.ts";
import type { IterationConfig } from "../config/config_types.ts";
import { checkSameSettings } from "../config/settings_difference.ts";
import { StoppedError, UserError } from "../error.ts";
import type { LineLog } from "../files/json_lines.ts";
import type { Model } from "../model/model.ts";
import type { ParameterBuffers } from "../model/parameter_buffers.ts";
import type { OnProgress } from "../progress.ts";
import { LOSSES } from "./losses/losses.ts";
import { scheduleFactor } from "./lr_schedule.ts";
import { type ReferenceLogps, referenceLogps } from "./reference_logps.ts";
import { loadState, newestState, readStateRecord, saveState } from "./resume_state.ts";
import type { Origin, StateRecord } from "./state_record.ts";
import { orderSteps, planCapacity, stepBatch, usedRows } from "./step_batches.ts";
import { type StepMetrics, summarize } from "./step_metrics.ts";
import type { StepOrder } from "./step_order.ts";
import { MAX_UNREAD, type Reference, Trainer } from "./trainer.ts";
import { fingerprint, longestRow, type PairRows, type TrainingRows } from "./training_rows.ts";

/** What an optimize stage works on. */
export interface OptimizeOptions {
  commands: Commands;
  /** The policy, with the weights that the iteration starts from, the reference's; they are trained in place. */
  model: Model;
  /** The frozen reference, which only noise needs on the device; null without noise. */
  reference: ParameterBuffers | null;
  /** File that the reference's log-probabilities are kept in; not used by `sft`. */
  referencePath: string;
  data: TrainingRows;
  settings: IterationConfig;
  /** Folder of the resume states. */
  stateDir: string;
  /** Opens the log, keeping this iteration's lines up to `step`. */
  openLog: (step: number) => Promise<LineLog>;
  onProgress: OnProgress;
  /** Aborted where the run is to stop after the step at hand. */
  signal?: AbortSignal;
}

/** What an optimize stage leaves behind, besides the trained weights. */
export interface OptimizeResult {
  /** Optimizer steps of the iteration. */
  steps: number;
  /** The last logged line's numbers. */
  last: StepMetrics;
  /** The noise generator's values, null without noise. */
  noise: ParameterBuffers | null;
  /** Steps that were skipped for a NaN or Inf (`on_nan: skip`). */
  skipped: number;
  /** Frees the trainer's buffers. */
  free(): void;
}

/** Tokens that the reference scores at a time at least: without a backward pass they take little memory. */
export const SCORED_TOKENS = 1024;

/**
 * Runs the stage, or the rest of it where `stateDir` holds a state. Throws DeviceError, StoppedError where the signal
 * stopped it and its state is saved, or a UserError at a bad step and for a state of other settings or data.
 */
export async function optimize(options: OptimizeOptions): Promise<OptimizeResult> {
  const { commands, settings, data, stateDir } = options;
  const { device } = commands;
  const { training } = settings;
  const size = training.per_device_train_batch_size;
  const saved = await newestState(stateDir);
  const record = saved && await readStateRecord(saved);
  const origin = originOf(options);
  if (record) {
    checkSameSettings(record.origin, origin, {
      what: `optimize of iteration ${settings.iteration}`,
      file: saved.path,
      advice: saved.advice,
    });
  }
  const order = orderSteps(data, settings);
  const capacity = planCapacity(data, { order, size, device, shuffle: training.shuffle });
  let reference: Reference | undefined;
  if (LOSSES[training.loss_type].needsReference) {
    // A loss with a reference takes pairs.
    const { pairs } = data as PairRows;
    const batchTokens = Math.max(SCORED_TOKENS, capacity.tokens);
    const logps = await scoreReference(options, { rows: pairs, order, batchTokens, done: record?.step ?? 0 });
    reference = { logps, ...(options.reference && { weights: options.reference }) };
  }
  const trainer = await Trainer.create(commands, {
    model: options.model,
    settings,
    ...(reference && { reference }),
    capacity,
    maxPositions: longestRow(data),
  });
  const stage = new StepLoop(options, { trainer, order, size, origin });
  if (record) {
    await loadState(saved, { device, buffers: trainer.stateBuffers });
    stage.resume(record);
  }
  try {
    await stage.run();
    return {
      steps: order.steps,
      last: stage.last,
      skipped: trainer.skipped,
      noise: trainer.noiseValues,
      free: () => trainer.free(),
    };
  } catch (error) {
    trainer.free();
    throw error;
  }
}

/** What is the same before every step, computed before the policy's weights change, or read. */
async function scoreReference(
  { commands, model, settings, referencePath: path, onProgress, signal }: OptimizeOptions,
  { rows, order, batchTokens, done: steps }: {
    rows: PairRows["pairs"];
    order: StepOrder;
    batchTokens: number;
    /** Steps that a stopped stage has done. */
    done: number;
  },
): Promise<ReferenceLogps> {
  const used = usedRows(order);
  const onDone = (done: number): void => {
    onProgress({ stage: "reference", iteration: settings.iteration, done, total: used.length });
    if (signal?.aborted && done < used.length) throw stopped({ done: steps, steps: order.steps });
  };
  return await referenceLogps(commands, {
    scorer: model,
    rows,
    used,
    rejected: settings.noise === "none",
    path,
    identity: await folderIdentity(model.folder),
    batchTokens,
    onDone,
  });
}

function stopped({ done, steps }: { done: number; steps: number }): StoppedError {
  return new StoppedError(`The run was stopped after step ${done} of ${steps}`);
}

class StepLoop {
  step = 0;
  last: StepMetrics = {};
  #tokens = 0;
  #pending: StepMetrics[] = [];
  /** Steps whose metrics are still on the device. */
  #unread = 0;
  readonly #options: OptimizeOptions;
  readonly #trainer: Trainer;
  readonly #order: StepOrder;
  readonly #size: number;
  readonly #origin: Origin;

  constructor(
    options: OptimizeOptions,
    { trainer, order, size, origin }: { trainer: Trainer; order: StepOrder; size: number; origin: Origin },
  ) {
    this.#options = options;
    this.#origin = origin;
    this.#trainer = trainer;
    this.#order = order;
    this.#size = size;
  }

  resume({ step, tokens, pending, last }: StateRecord): void {
    this.step = step;
    this.last = last;
    this.#tokens = tokens;
    this.#pending = pending;
  }

  /** Runs the steps that are left. Throws StoppedError where the signal stopped it before the last. */
  async run(): Promise<void> {
    const { settings, onProgress, signal } = this.#options;
    const { training } = settings;
    const { steps } = this.#order;
    const log = await this.#options.openLog(this.step);
    const event = (): Parameters<OnProgress>[0] => ({
      stage: "optimize",
      iteration: settings.iteration,
      done: this.step,
      total: steps,
      tokens: this.#tokens,
      ...(this.last.loss !== undefined && { loss: this.last.loss }),
    });
    onProgress(event());
    while (this.step < steps) {
      await this.#runStep();
      if (this.#unread === MAX_UNREAD) await this.#read();
      if (this.step % training.logging_steps === 0 || this.step === steps) {
        await this.#read();
        this.last = summarize(this.#pending);
        this.#pending = [];
        await log.append(this.#line());
      }
      const isStopped = signal?.aborted ?? false;
      const isLast = this.step === steps;
      if (!isLast && (this.step % training.save_steps === 0 || isStopped)) await this.#save();
      onProgress(event());
      if (isStopped && !isLast) throw stopped({ done: this.step, steps });
    }
  }

  async #runStep(): Promise<void> {
    const { data, settings } = this.#options;
    const noise = settings.noise !== "none";
    const batch = stepBatch(data, { order: this.#order, step: this.step, size: this.#size, noise });
    await this.#trainer.step(batch, { step: this.step, factor: this.#factor(this.step) });
    this.step++;
    this.#unread++;
    this.#tokens += batch.tokens;
  }

  #factor(step: number): number {
    const { training } = this.#options.settings;
    const { steps } = this.#order;
    const warmup = training.warmup_steps > 0 ? training.warmup_steps : Math.ceil(training.warmup_ratio * steps);
    return scheduleFactor(training.lr_scheduler_type, { step, steps, warmup });
  }

  /** Reads the metrics of the steps since the last read, and stops the run at a bad step. */
  async #read(): Promise<void> {
    if (this.#unread === 0) return;
    const { metrics, badStep } = await this.#trainer.read();
    this.#pending.push(...metrics);
    this.#unread = 0;
    if (badStep !== null && this.#options.settings.training.on_nan === "error") {
      const rows = this.#order.rowsOf(badStep).map((i) => this.#options.data.example(i));
      throw new UserError(
        `Cannot go on with optimize of iteration ${this.#options.settings.iteration}: loss or gradient norm is NaN or Inf at step ${
          badStep + 1
        } (rows ${rows.slice(0, 16).join(", ")}${
          rows.length > 16 ? ", …" : ""
        }), expected finite numbers; the weights are those before that step (a lower training.learning_rate may help, or training.on_nan=skip)`,
      );
    }
  }

  async #save(): Promise<void> {
    await this.#read();
    const record: StateRecord = {
      step: this.step,
      tokens: this.#tokens,
      pending: this.#pending,
      last: this.last,
      origin: this.#origin,
    };
    await saveState(this.#options.stateDir, {
      device: this.#options.commands.device,
      buffers: this.#trainer.stateBuffers,
      record,
      keep: this.#options.settings.training.save_total_limit,
    });
  }

  #line(): Record<string, number> {
    const { settings } = this.#options;
    return {
      iteration: settings.iteration,
      step: this.step,
      ...this.last,
      // The rate that the last step was taken with, as Hugging Face logs it.
      learning_rate: settings.training.learning_rate * this.#factor(this.step - 1),
      epoch: this.step / this.#order.stepsPerEpoch,
      num_tokens: this.#tokens,
    };
  }
}

function originOf({ settings, data }: OptimizeOptions): Origin {
  const { iteration, model, training, noise } = settings;
  return { iteration, ...(model !== undefined && { model }), training, noise, data: fingerprint(data) };
}
