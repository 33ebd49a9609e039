/** The optimizer steps of an iteration on the device. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { Slice } from "../../kernels/device/slice.ts";
import { allocControls, controlOf, parseControl } from "../../kernels/optimizer/control.ts";
import { guard } from "../../kernels/optimizer/guard.ts";
import type { IterationConfig, NoiseConfig } from "../config/config_types.ts";
import { BufferSet } from "../model/activations.ts";
import { createDecoder } from "../model/decoder.ts";
import type { BatchCapacity } from "../model/device_batch.ts";
import type { AnyModel } from "../model/model.ts";
import { ParameterBuffers } from "../model/parameter_buffers.ts";
import { type Parameters, parametersOf } from "../model/parameters.ts";
import { type Distribution, ownShards, UNDIVIDED } from "./distribution.ts";
import { GradientExchange } from "./gradient_exchange.ts";
import type { Loss, LossPass } from "./losses/loss.ts";
import { LOSSES } from "./losses/losses.ts";
import { createNoise, noiseShape } from "./noise_generator.ts";
import { OptimizerGroup } from "./optimizer_group.ts";
import { type Owner, UNDIVIDED_OWNER } from "./owned_slices.ts";
import type { ReferenceLogps } from "./reference_logps.ts";
import { ShardSums } from "./shard_sums.ts";
import { type StateBuffers, wholeBuffer } from "./state_buffer.ts";
import { firstOf, type MicroBatch, type StepBatch } from "./step_batches.ts";
import { type MetricName, metricSlot, MetricsRing, type StepMetrics } from "./step_metrics.ts";
import { type Pass, planPasses } from "./step_passes.ts";
import { createWorkspace, type DropoutSettings, type Workspace } from "./workspace.ts";

/** What a trainer is made of. */
export interface TrainerOptions {
  /** The policy; its adapters, or else its weights, are trained in place. */
  model: AnyModel;
  /** The frozen reference, of a loss that needs one. */
  reference?: Reference;
  settings: IterationConfig;
  /** The largest sizes of a micro-batch. */
  capacity: BatchCapacity;
  /** Tokens of the longest row. */
  maxPositions: number;
  /** How the steps are shared out (default: this process takes all, in one piece). */
  distribution?: Distribution;
}

/** What a trainer needs of the reference. */
export interface Reference {
  /** Its log-probabilities, by a row's place in the data. */
  logps: ReferenceLogps;
  /** Its parameters; needed only with noise. */
  parameters?: Parameters;
}

/** A step's place in its iteration. */
export interface StepPlace {
  /** The optimizer step, from 0. */
  step: number;
  /** The schedule's factor on the learning rates. */
  factor: number;
}

/** Most steps whose metrics the device keeps. After them {@linkcode Trainer.read} is due, whatever logging_steps is. */
export const MAX_UNREAD = 64;

/** The name of {@linkcode Trainer.rejectedLogps} among the buffers of a state; states of older versions lack it. */
export const REJECTED_LOGPS = "rejected_logps";

const NOISE_METRICS: readonly MetricName[] = ["noise/loss", "noise/variance", "noise/grad_norm"];

/** Runs optimizer steps; everything on the device is made once, by {@linkcode Trainer.create}. */
export class Trainer {
  /** Steps after which {@linkcode read} is due: the device keeps the metrics of so many. */
  readonly mostUnread: number;
  readonly #commands: Commands;
  readonly #options: TrainerOptions;
  readonly #loss: Loss;
  readonly #workspace: Workspace;
  readonly #controls: Slice;
  readonly #policy: OptimizerGroup;
  readonly #noise: OptimizerGroup | null;
  readonly #lossPass: LossPass;
  readonly #sums: ShardSums;
  /** The way to the other ranks; null without any. */
  readonly #exchange: GradientExchange | null;
  readonly #ring: MetricsRing;
  readonly #unlogged: MetricsRing;
  readonly #passes: readonly Pass[];
  /** What is freed with the trainer, and if its making fails. */
  readonly #held: DisposableStack;
  #skipped = 0;

  /** Allocates everything. Throws UserError for a noise file that does not fit, DeviceError for too little memory. */
  static async create(commands: Commands, options: TrainerOptions): Promise<Trainer> {
    const { settings, model } = options;
    const noise = settings.noise === "none" ? null : await createNoise(commands, {
      shape: noiseShape(model.config, settings.noise),
      init: settings.noise.init,
      seed: settings.training.seed,
      iteration: settings.iteration,
    });
    const trainer = new Trainer(commands, options, noise);
    try {
      await commands.device.check();
    } catch (error) {
      trainer.free();
      throw error;
    }
    return trainer;
  }

  private constructor(commands: Commands, options: TrainerOptions, noise: ParameterBuffers | null) {
    const { model, reference, settings, capacity, maxPositions, distribution = UNDIVIDED } = options;
    const { device } = commands;
    const { training } = settings;
    const { transport, gradientDtype: dtype } = distribution;
    const owner: Owner = transport ? { part: transport.part, parts: transport.size } : UNDIVIDED_OWNER;
    // Disposed of at the block's end if anything below throws.
    using held = new DisposableStack();
    if (noise) held.defer(() => noise.free());
    this.#commands = commands;
    this.#options = options;
    this.#loss = LOSSES[training.loss_type];
    const set = new BufferSet(device);
    held.defer(() => set.free());
    const controls = held.adopt(allocControls(device, noise ? 2 : 1), (slice) => device.free(slice));
    this.#controls = controls;
    const policy = held.adopt(
      new OptimizerGroup(commands, {
        name: "policy",
        values: trainedValues(model),
        control: controlOf(controls, 0),
        training,
        weightDecay: training.weight_decay,
        // Adapters are so small that each rank updates all of them: their gradients are summed and told to all.
        owner: model.adapter ? UNDIVIDED_OWNER : owner,
      }),
      (group) => group.free(),
    );
    this.#policy = policy;
    this.#noise = noise && held.adopt(
      new OptimizerGroup(commands, {
        name: "noise",
        part: "noise generator",
        values: noise,
        control: controlOf(controls, 1),
        training,
        weightDecay: 0,
        owner,
      }),
      (group) => group.free(),
    );
    const decoder = createDecoder(device, { config: model.config, maxPositions });
    held.defer(() => device.free(decoder.rope));
    this.#workspace = createWorkspace(set, {
      decoder,
      policy: policyParameters(model, policy.gradients),
      capacity,
      noise: noise !== null,
      checkpointing: training.gradient_checkpointing,
      dropout: dropoutOf(settings),
    });
    this.#lossPass = this.#loss.create(commands, {
      set,
      workspace: this.#workspace,
      capacity,
      settings,
      logps: reference?.logps ?? null,
      noise: this.#noise && {
        reference: reference!.parameters!,
        values: this.#noise.values,
        gradients: this.#noise.gradients,
        settings: settings.noise as NoiseConfig,
      },
    });
    this.#sums = held.adopt(
      new ShardSums(commands, {
        shards: ownShards(distribution).count,
        dtype,
        groups: [policy, ...(this.#noise ? [this.#noise] : [])],
      }),
      (sums) => sums.free(),
    );
    this.#exchange = transport && new GradientExchange(commands, { transport, dtype });
    this.#passes = planPasses(settings.noise);
    this.mostUnread = Math.min(training.logging_steps, MAX_UNREAD);
    const rows = this.mostUnread * this.#passes.filter((pass) => pass.logged).length;
    const rings = [rows, 1].map((rows) => held.adopt(new MetricsRing(device, rows), (ring) => ring.free(device)));
    [this.#ring, this.#unlogged] = rings as [MetricsRing, MetricsRing];
    this.#held = held.move();
  }

  /**
   * Records and submits an optimizer step; does not wait for it, but for what other ranks compute: meanwhile the device
   * begins with `next`, the first micro-batch of the step that follows.
   */
  async step(batch: StepBatch, place: StepPlace, next: MicroBatch | null = null): Promise<void> {
    for (const pass of this.#passes) {
      const metrics = this.#accumulate(batch, { pass, step: place.step });
      const isLast = pass === this.#passes.at(-1);
      const ahead = isLast ? next : firstOf(batch);
      await this.#exchange?.sum({ metrics, groups: this.#groups(pass), meanwhile: () => this.#recordAhead(ahead) });
      await this.#update({ pass, metrics, ...place });
    }
  }

  #recordAhead(microBatch: MicroBatch | null): void {
    if (microBatch === null) return;
    this.#commands.inPrecision(this.#options.settings.training.precision, () => {
      this.#lossPass.recordAhead?.(microBatch);
    });
  }

  /** Records a pass's gradients and metrics over all own shards. */
  #accumulate(batch: StepBatch, { pass, step }: { pass: Pass; step: number }): Slice {
    if (!pass.logged) this.#unlogged.restart();
    const metrics = (pass.logged ? this.#ring : this.#unlogged).next(this.#commands);
    const groups = this.#groups(pass);
    const philoxStep = step * this.#passes.length + pass.index;
    const { per_device_train_batch_size: size, gradient_accumulation_steps: parts, precision } =
      this.#options.settings.training;
    for (const [i, shard] of batch.shards.entries()) {
      // The row is new before the first.
      if (i > 0) this.#commands.clear(metrics);
      for (const group of groups) group.clearGradients();
      let first = step * size * parts + shard.first;
      for (const microBatch of shard.microBatches) {
        this.#commands.inPrecision(precision, () => {
          this.#lossPass.record({ microBatch, step: batch, first, philoxStep, metrics, update: pass });
        });
        first += microBatch.places.length;
      }
      this.#sums.add(i, { groups, metrics });
    }
    return metrics;
  }

  /** Records norm, guard and update from complete gradients. */
  async #update({ pass, metrics, step, factor }: StepPlace & { pass: Pass; metrics: Slice }): Promise<void> {
    const groups = this.#groups(pass);
    for (const group of groups) group.squareGradients();
    for (const group of groups) {
      await this.#exchange?.gatherNorm(group);
      group.finishNorm();
    }
    this.#guard(pass, { metrics, step });
    const { training, noise } = this.#options.settings;
    if (pass.model) this.#policy.update(training.learning_rate * factor);
    if (pass.noise && noise !== "none") this.#noise!.update(noise.learning_rate * factor);
    for (const group of groups) await this.#exchange?.gatherValues(group);
    this.#commands.submit();
  }

  #groups(pass: Pass): OptimizerGroup[] {
    return [...(pass.model ? [this.#policy] : []), ...(pass.noise && this.#noise ? [this.#noise] : [])];
  }

  #guard(pass: Pass, { metrics, step }: { metrics: Slice; step: number }): void {
    const { optim, adam_beta1: beta1, adam_beta2: beta2 } = this.#options.settings.training;
    const model = metricSlot("grad_norm");
    const noise = metricSlot("noise/grad_norm");
    const both = pass.model && pass.noise;
    guard(this.#commands, {
      controls: both ? this.#controls : controlOf(this.#controls, pass.model ? 0 : 1),
      metrics,
      lossSlot: metricSlot("loss"),
      normSlots: both ? [model, noise] : [pass.model ? model : noise],
      step,
      betas: optim === "adamw" ? [beta1, beta2] : [0, 0],
    });
  }

  /**
   * Reads the numbers of the steps since the last read, one record per step, and the first step whose loss or gradient
   * norm was not finite (null if all were), with one fence. Throws DeviceError.
   */
  async read(): Promise<{ metrics: StepMetrics[]; badStep: number | null }> {
    const [rows, controls] = await this.#commands.device.readAll([this.#ring.slice, this.#controls]);
    const records = this.#ring.parse(rows!);
    this.#ring.restart();
    const groups = Array.from({ length: this.#noise ? 2 : 1 }, (_, i) => {
      const { offset, size } = controlOf(this.#controls, i);
      return parseControl(controls!.slice(offset, offset + size));
    });
    this.#skipped = Math.max(...groups.map((group) => group.badCount));
    const bad = groups.map((group) => group.firstBadStep).filter((step) => step !== undefined);
    return { metrics: this.#perStep(records), badStep: bad.length > 0 ? Math.min(...bad) : null };
  }

  #perStep(records: readonly StepMetrics[]): StepMetrics[] {
    const logged = this.#passes.filter((pass) => pass.logged);
    const names = { model: [...this.#loss.metrics, "grad_norm"], noise: NOISE_METRICS } as const;
    const out: StepMetrics[] = [];
    for (let at = 0; at < records.length; at += logged.length) {
      const step: StepMetrics = {};
      logged.forEach((pass, i) => {
        for (const kind of ["model", "noise"] as const) {
          if (pass[kind]) { for (const name of names[kind]) step[name] = records[at + i]![name]!; }
        }
      });
      out.push(step);
    }
    return out;
  }

  /** Steps that were skipped, as of the last {@linkcode read}. */
  get skipped(): number {
    return this.#skipped;
  }

  /** The noise generator's values, null without noise. */
  get noiseValues(): ParameterBuffers | null {
    return this.#noise?.values ?? null;
  }

  /** The buffers that a resumed run needs, by name. */
  get stateBuffers(): StateBuffers {
    const { rejectedLogps } = this;
    return {
      ...this.#policy.stateBuffers,
      ...this.#noise?.stateBuffers,
      controls: wholeBuffer(this.#controls),
      ...(rejectedLogps && { [REJECTED_LOGPS]: wholeBuffer(rejectedLogps) }),
    };
  }

  /** What a loss with noise keeps of the rejected responses; null without noise. */
  get rejectedLogps(): Slice | null {
    return this.#lossPass.rejectedLogps ?? null;
  }

  /** Frees everything but the policy's weights. */
  free(): void {
    this.#held.dispose();
  }
}

/** What is trained: the adapters' values, or else the weights. Throws TypeError if these are frozen. */
function trainedValues({ adapter, weights }: AnyModel): ParameterBuffers {
  if (adapter) return adapter.values;
  if (weights instanceof ParameterBuffers) return weights;
  throw new TypeError("Cannot train a model that was loaded as frozen: it has no adapters, expected some");
}

/** The policy's parameters with the gradients of what is trained: of the adapters, if the model has them. */
function policyParameters({ weights, adapter }: AnyModel, gradients: ParameterBuffers): Parameters {
  return adapter
    ? parametersOf(weights, { adapter, adapterGradients: gradients })
    : parametersOf(weights, { gradients });
}

/** The dropout before adapters; null if nothing is dropped. */
function dropoutOf({ lora, iteration, training: { seed } }: IterationConfig): DropoutSettings | null {
  const probability = lora?.lora_dropout ?? 0;
  return probability > 0 ? { probability, seed, iteration } : null;
}
