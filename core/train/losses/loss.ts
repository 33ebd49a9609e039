/** The interface of a loss. A new loss is a record in this folder, and a line in losses.ts. @module */
import type { Commands } from "../../../kernels/device/commands.ts";
import type { Slice } from "../../../kernels/device/slice.ts";
import type { PreferenceLoss } from "../../../kernels/loss/preference_loss.ts";
import type { IterationConfig, TrainingConfig } from "../../config/config_types.ts";
import type { BufferSet } from "../../model/activations.ts";
import type { BatchCapacity } from "../../model/device_batch.ts";
import type { NoiseGenerator } from "../noise_generator.ts";
import type { ReferenceLogps } from "../reference_logps.ts";
import type { MicroBatch, StepBatch } from "../step_batches.ts";
import type { MetricName } from "../step_metrics.ts";
import type { RowKind } from "../training_rows.ts";
import type { Workspace } from "../workspace.ts";

/** The parameters in which preference losses differ. */
export type PairFormula = Pick<PreferenceLoss, "link" | "factor" | "offset" | "perToken" | "smoothing">;

/** A loss. */
export interface Loss {
  /** Which rows it takes. */
  readonly rows: RowKind;
  /** Whether it compares the policy with a frozen reference, whose logits may then carry noise. */
  readonly needsReference: boolean;
  /** The numbers that it adds to a step's metrics. */
  readonly metrics: readonly MetricName[];
  /** What it makes of a pair's log-ratios to the reference; null if it has no such formula. */
  readonly formula: ((training: TrainingConfig) => PairFormula) | null;
  /** Allocates its buffers, and returns what records its micro-batches. Throws DeviceError for too little memory. */
  create(commands: Commands, setup: LossSetup): LossPass;
}

/** What a loss is built on, the same in every step. */
export interface LossSetup {
  /** Where its buffers are allocated. */
  set: BufferSet;
  /** The policy with its gradients, and the buffers that its passes share. */
  workspace: Workspace;
  /** The largest sizes of a micro-batch. */
  capacity: BatchCapacity;
  settings: IterationConfig;
  /** The reference's log-probabilities by a row's place in the data; null for a loss without a reference. */
  logps: ReferenceLogps | null;
  /** The noise on the reference; null if there is none. */
  noise: NoiseGenerator | null;
}

/** One micro-batch's place in its optimizer step. */
export interface LossCall {
  microBatch: MicroBatch;
  /** The whole step, over which means are taken. */
  step: StepBatch;
  /** The place of the micro-batch's first row in the order of the first epoch; beyond all rows in later ones. */
  first: number;
  /** The step in Philox's counter. */
  philoxStep: number;
  /** The metrics row, added to. */
  metrics: Slice;
  /** Which gradients are added to. */
  update: { model: boolean; noise: boolean };
}

/** Records a loss's micro-batches. */
export interface LossPass {
  /** Records and submits one micro-batch: adds to the gradients that `update` names, and to the metrics. */
  record(call: LossCall): void;
  /**
   * Records and submits the part of a micro-batch that nothing trained changes, ahead of its {@linkcode record}, which must
   * be the next one. Absent where there is no such part.
   */
  recordAhead?(microBatch: MicroBatch): void;
  /**
   * Summed log-probabilities of the rejected responses under the reference without noise, which each step with noise
   * computes: f32 [rows], in the order of the first epoch. Absent without noise.
   */
  readonly rejectedLogps?: Slice;
}
