/** The optimizer steps of an iteration over its rows: their order, learning rates and reference. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import { compileAhead } from "../../kernels/device/compile_ahead.ts";
import type { MatmulPrecision } from "../../kernels/device/precision.ts";
import type { IterationConfig } from "../config/config_types.ts";
import { UserError } from "../error.ts";
import type { AnyModel } from "../model/model.ts";
import type { PairIds } from "../model/pack.ts";
import type { ParameterBuffers } from "../model/parameter_buffers.ts";
import type { Parameters } from "../model/parameters.ts";
import { type Distribution, ownShards, UNDIVIDED } from "./distribution.ts";
import { LOSSES } from "./losses/losses.ts";
import { scheduleFactor } from "./lr_schedule.ts";
import { isNoiseFile } from "./noise_generator.ts";
import type { ReferenceLogps } from "./reference_logps.ts";
import { shareSums } from "./share_sums.ts";
import type { StateBuffers } from "./state_buffer.ts";
import { firstOf, orderSteps, planCapacity, shardPlaces, type StepBatch, stepBatch, usedRows } from "./step_batches.ts";
import type { StepMetrics } from "./step_metrics.ts";
import type { StepOrder } from "./step_order.ts";
import { type Reference, Trainer } from "./trainer.ts";
import { longestRow, type PairRows, type TrainingRows } from "./training_rows.ts";

/** What a trainer asks of the reference before the first step. */
export interface LogpsRequest {
  rows: readonly PairIds[];
  /** Places of the rows that the steps use. */
  used: readonly number[];
  /** Whether the rejected responses are scored too; with noise, each step computes them. */
  rejected: boolean;
  /** Most tokens of a batch. */
  batchTokens: number;
  /** How exactly products are computed. */
  precision: MatmulPrecision;
  /** Optimizer steps of the iteration. */
  steps: number;
}

/** What a trainer of rows is made of. */
export interface RowTrainerOptions {
  /** The policy; its adapters, or else its weights, are trained in place. */
  model: AnyModel;
  data: TrainingRows;
  settings: IterationConfig;
  /** The frozen reference's parameters, which only noise needs on the device; null without noise. */
  reference: Parameters | null;
  /** Returns the reference's log-probabilities. Called before any weight changes, if the loss needs a reference. */
  logps: (request: LogpsRequest) => Promise<ReferenceLogps>;
  /** How the steps are shared out (default: this process takes all, in one piece). */
  distribution?: Distribution;
}

/** The reference scores batches of at least this many tokens: without a backward pass, they take little memory. */
export const SCORED_TOKENS = 1024;

/** Takes the steps one by one. */
export class RowTrainer {
  readonly order: StepOrder;
  readonly #commands: Commands;
  readonly #options: RowTrainerOptions;
  readonly #trainer: Trainer;
  readonly #distribution: Distribution;
  #done = 0;
  #tokens = 0;
  /** The step that follows, if it is packed already. */
  #next: { step: number; batch: StepBatch } | null = null;
  /** Steps whose metrics are still on the device. */
  #unread = 0;

  /** Plans the steps, scores the reference, and allocates everything. Throws UserError or DeviceError. */
  static async create(commands: Commands, options: RowTrainerOptions): Promise<RowTrainer> {
    const { model, data, settings, reference: parameters, logps, distribution = UNDIVIDED } = options;
    const { training, noise } = settings;
    const order = orderSteps(data, settings);
    const own = ownShards(distribution);
    const capacity = planCapacity(data, {
      order,
      size: training.per_device_train_batch_size,
      device: commands.device,
      shuffle: training.shuffle,
      shards: distribution.shards,
    });
    let reference: Reference | undefined;
    if (LOSSES[training.loss_type].needsReference) {
      reference = {
        logps: await logps({
          // A loss with a reference takes pairs.
          rows: (data as PairRows).pairs,
          used: usedRows(order),
          rejected: noise === "none",
          batchTokens: Math.max(SCORED_TOKENS, capacity.tokens),
          precision: training.precision,
          steps: order.steps,
        }),
        ...(parameters && { parameters }),
      };
    }
    const plan = { model, settings, ...(reference && { reference }), capacity, maxPositions: longestRow(data) };
    await compileAhead(commands, async (commands) => {
      // A generator's values do not matter there, so that no file of them is read.
      const isRead = noise !== "none" && isNoiseFile(noise.init);
      const unread: IterationConfig = isRead ? { ...settings, noise: { ...noise, init: "zeros" } } : settings;
      // Other ranks take no part in it.
      const alone = { ...distribution, held: own, transport: null };
      const trainer = await Trainer.create(commands, { ...plan, settings: unread, distribution: alone });
      const rows = new RowTrainer(commands, { ...options, distribution: alone }, { order, trainer });
      if (order.steps > 0) await rows.advance();
      rows.free();
    });
    const trainer = await Trainer.create(commands, { ...plan, distribution });
    return new RowTrainer(commands, options, { order, trainer });
  }

  private constructor(
    commands: Commands,
    options: RowTrainerOptions,
    { order, trainer }: { order: StepOrder; trainer: Trainer },
  ) {
    this.#commands = commands;
    this.#options = options;
    this.#distribution = options.distribution ?? UNDIVIDED;
    this.order = order;
    this.#trainer = trainer;
  }

  /** Steps that are done. */
  get done(): number {
    return this.#done;
  }

  /** Tokens of prompts and answers so far, as TRL counts them. */
  get tokens(): number {
    return this.#tokens;
  }

  /** Whether {@linkcode RowTrainer.read} must be called: the device has no room for the metrics of another step. */
  get isFull(): boolean {
    return this.#unread === this.#trainer.mostUnread;
  }

  /** Steps that were skipped because of a NaN or Inf, as of the last {@linkcode RowTrainer.read}. */
  get skipped(): number {
    return this.#trainer.skipped;
  }

  /** The noise generator's values, null without noise. */
  get noiseValues(): ParameterBuffers | null {
    return this.#trainer.noiseValues;
  }

  /** The buffers that a resumed run needs, by name. */
  get stateBuffers(): StateBuffers {
    return this.#trainer.stateBuffers;
  }

  /** Gives each rank what the others have found of the reference of rejected responses. All ranks have to call it. */
  async shareRejectedLogps(): Promise<void> {
    const kept = this.#trainer.rejectedLogps;
    const { transport } = this.#distribution;
    if (kept && transport) await shareSums(this.#commands.device, transport, kept);
  }

  /**
   * Reads the log-probabilities of the rejected responses under the reference without noise, by the rows' places; NaN for
   * rows that no step used. Null without noise, and where no epoch is complete. With other ranks, what they have found
   * must have been shared. Throws DeviceError.
   */
  async readRejectedLogps(): Promise<Float32Array<ArrayBuffer> | null> {
    const { order } = this;
    const { shards } = this.#distribution;
    const { data } = this.#options;
    const kept = this.#trainer.rejectedLogps;
    const steps = Math.min(order.steps, order.stepsPerEpoch);
    if (kept === null || this.#done < steps) return null;
    const [bytes] = await this.#commands.device.readAll([kept]);
    const values = new Float32Array(bytes!);
    const logps = new Float32Array(data.length).fill(NaN);
    let at = 0;
    for (let step = 0; step < steps; step++) {
      for (const place of shardPlaces(data, order.rowsOf(step), shards).flat()) logps[place] = values[at++]!;
    }
    return logps;
  }

  /** Continues after `done` steps, whose buffers the caller has loaded. */
  resume({ done, tokens }: { done: number; tokens: number }): void {
    this.#done = done;
    this.#tokens = tokens;
  }

  /** Records and submits the next step; does not wait for it, but for what other ranks compute. */
  async advance(): Promise<void> {
    const done = this.#done;
    const batch = this.#next?.step === done ? this.#next.batch : this.#pack(done);
    // Where there is something to wait for, the device begins with the step that follows.
    const goesOn = this.#distribution.transport !== null && done + 1 < this.order.steps;
    this.#next = goesOn ? { step: done + 1, batch: this.#pack(done + 1) } : null;
    const place = { step: done, factor: this.#factor(done) };
    await this.#trainer.step(batch, place, this.#next && firstOf(this.#next.batch));
    this.#done++;
    this.#unread++;
    this.#tokens += batch.tokens;
  }

  #pack(step: number): StepBatch {
    const { data, settings: { noise, training } } = this.#options;
    return stepBatch(data, {
      order: this.order,
      step,
      size: training.per_device_train_batch_size,
      noise: noise !== "none",
      shards: this.#distribution.shards,
      held: ownShards(this.#distribution),
    });
  }

  /** The model's learning rate in step `step` (from 0). */
  learningRate(step: number): number {
    return this.#options.settings.training.learning_rate * this.#factor(step);
  }

  #factor(step: number): number {
    const { training } = this.#options.settings;
    const { steps } = this.order;
    const warmup = training.warmup_steps > 0 ? training.warmup_steps : Math.ceil(training.warmup_ratio * steps);
    return scheduleFactor(training.lr_scheduler_type, { step, steps, warmup });
  }

  /**
   * Waits for the steps so far and returns the numbers of those since the last read. Throws DeviceError, or, with
   * `on_nan: error`, a UserError if the loss or gradient norm of a step is not finite.
   */
  async read(): Promise<StepMetrics[]> {
    if (this.#unread === 0) return [];
    const { metrics, badStep } = await this.#trainer.read();
    this.#unread = 0;
    if (badStep !== null && this.#options.settings.training.on_nan === "error") throw this.#badStep(badStep);
    return metrics;
  }

  #badStep(step: number): UserError {
    const { data, settings: { iteration } } = this.#options;
    const rows = this.order.rowsOf(step).map((i) => data.example(i));
    return new UserError(
      `Cannot go on with optimize of iteration ${iteration}: loss or gradient norm is NaN or Inf at step ${
        step + 1
      } (rows ${rows.slice(0, 16).join(", ")}${
        rows.length > 16 ? ", …" : ""
      }), expected finite numbers; the weights are those before that step (a lower training.learning_rate may help, or training.on_nan=skip)`,
    );
  }

  /** Frees everything but the policy's and the reference's weights. */
  free(): void {
    this.#trainer.free();
  }
}
