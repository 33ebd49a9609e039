/** The reference with trainable noise on its logits, for rejected answers (docs/method.md, "The loss"). @module */
import type { Commands } from "../../../kernels/device/commands.ts";
import type { Slice } from "../../../kernels/device/slice.ts";
import { type LmHeadNoise, lmHeadNoiseBackward, lmHeadNoiseForward } from "../../../kernels/lm_head/lm_head_noise.ts";
import type { PreferenceLoss } from "../../../kernels/loss/preference_loss.ts";
import { sequenceSum } from "../../../kernels/loss/sequence_sum.ts";
import { matmul } from "../../../kernels/matmul/matmul.ts";
import type { IterationConfig } from "../../config/config_types.ts";
import { decoderForward } from "../../model/decoder.ts";
import { BatchBuffers, type DeviceBatch, type EntryBuffers } from "../../model/device_batch.ts";
import { packedAttention } from "../../model/packed_attention.ts";
import type { Parameters } from "../../model/parameters.ts";
import { gatherEntries, headInputs } from "../../model/response_head.ts";
import { type NoiseGenerator, weightName } from "../noise_generator.ts";
import type { MicroBatch, StepBatch } from "../step_batches.ts";
import type { Workspace } from "../workspace.ts";
import type { LossCall, LossSetup } from "./loss.ts";

/** Records the noised reference's part of micro-batches. */
export class NoisedReference {
  readonly #commands: Commands;
  readonly #workspace: Workspace;
  readonly #settings: IterationConfig;
  readonly #noise: NoiseGenerator;
  readonly #reference: Parameters;
  /** The batch of rejected responses. They are a part of the pairs, so that the pairs' capacity is enough. */
  readonly #batch: BatchBuffers;
  readonly #logps: Slice; // [P]
  /** The rejected responses' sums without noise, in the order of the first epoch. */
  readonly rejectedLogps: Slice; // [rows]
  readonly #rows: number;
  readonly #sigmaSquared: Slice; // [P]
  /** Values of each rejected position, kept for the backward pass. */
  readonly #kept: { h: Slice; logpNoised: Slice; lseNoised: Slice; sigmaSquared: Slice };
  /** h·Dᵀ of each rejected position and its gradient, [entries, rank] each; null unless the generator has a rank. */
  readonly #low: { x: Slice; dx: Slice; rank: number } | null;
  #entries: EntryBuffers | undefined;
  /** The micro-batch whose hidden states are there already. */
  #ahead: { microBatch: MicroBatch; batch: DeviceBatch } | null = null;

  constructor(
    commands: Commands,
    { set, workspace, capacity, settings, noise, logps }: LossSetup & { noise: NoiseGenerator },
  ) {
    const { entries, sequences } = capacity;
    this.#commands = commands;
    this.#workspace = workspace;
    this.#settings = settings;
    this.#noise = noise;
    this.#reference = noise.reference;
    this.#logps = set.words(sequences, "noised logps");
    this.#rows = logps!.rejected.length;
    this.rejectedLogps = set.words(this.#rows, "rejected logps");
    this.#sigmaSquared = set.words(sequences, "sigma squared");
    this.#batch = new BatchBuffers(set, { capacity });
    this.#kept = {
      h: set.words(entries * workspace.decoder.config.hiddenSize, "reference hidden of rejected"),
      logpNoised: set.words(entries, "noised entry logps"),
      lseNoised: set.words(entries, "noised log-sum-exp"),
      sigmaSquared: set.words(entries, "entry sigma squared"),
    };
    const { rank } = noise.settings;
    this.#low = rank === undefined ? null : {
      x: set.words(entries * rank, "noise projection"),
      dx: set.words(entries * rank, "dnoise projection"),
      rank,
    };
  }

  /**
   * Records the rejected responses under the reference, with noise and without: overwrites their part of
   * `referenceLogps` [2P], and returns what the loss reads of the noise.
   */
  record(call: LossCall, referenceLogps: Slice): NonNullable<PreferenceLoss["noise"]> {
    const commands = this.#commands;
    const { head } = this.#workspace;
    const { microBatch } = call;
    const { entries } = this.#ahead?.microBatch === microBatch ? this.#ahead.batch : this.#recordHidden(microBatch);
    this.#ahead = null;
    this.#entries = entries;
    const { logpNoised, lseNoised, sigmaSquared } = this.#kept;
    if (this.#low) this.#projectDown(this.#low, entries.count);
    const { logp, lse } = head;
    lmHeadNoiseForward(commands, {
      ...this.#headInputs(entries),
      ...this.#noiseInputs(entries, call),
      logp,
      lse,
      logpNoised,
      lseNoised,
      sigmaSquared,
    });
    const { starts, sequences } = entries;
    sequenceSum(commands, { out: referenceLogps, x: logp, starts, sequences, stride: 2, offset: 1 });
    if (call.first + sequences <= this.#rows) {
      sequenceSum(commands, { out: this.rejectedLogps, x: logp, starts, sequences, offset: call.first });
    }
    sequenceSum(commands, { out: this.#logps, x: logpNoised, starts, sequences });
    sequenceSum(commands, { out: this.#sigmaSquared, x: sigmaSquared, starts, sequences });
    return { logps: this.#logps, sigmaSquared: this.#sigmaSquared, varianceScale: this.#varianceScale(call.step) };
  }

  /** Records the reference's hidden states of a micro-batch's rejected responses, before the rest of it is recorded. */
  recordAhead(microBatch: MicroBatch): void {
    this.#ahead = { microBatch, batch: this.#recordHidden(microBatch) };
  }

  /** Records the reference's hidden states at the rejected positions: overwrites what is kept of them. */
  #recordHidden({ rejected }: MicroBatch): DeviceBatch {
    const commands = this.#commands;
    const { decoder, forward } = this.#workspace;
    const { config } = decoder;
    const batch = this.#batch.load(rejected!);
    const { entries } = batch;
    const attention = packedAttention(commands, { config, batch });
    decoderForward(commands, decoder, { parameters: this.#reference, batch, buffers: forward, attention });
    gatherEntries(commands, { config, hidden: forward.hidden, tokens: batch.tokens, h: this.#kept.h, entries });
    return batch;
  }

  /** Records the noise generator's gradients for the last recorded micro-batch, from the loss's derivatives. */
  recordBackward(call: LossCall, dlogpNoised: Slice): void {
    const entries = this.#entries!;
    const { gradients, settings } = this.#noise;
    lmHeadNoiseBackward(this.#commands, {
      ...this.#headInputs(entries),
      ...this.#noiseInputs(entries, call),
      dnoiseWeight: gradients.view(weightName(settings)),
      ...(this.#low && { dnoiseInput: this.#low.dx }),
      dnoiseBias: gradients.view("bias"),
      lseNoised: this.#kept.lseNoised,
      dlogpNoised,
      sequence: entries.sequence,
      varianceScale: settings.alpha * this.#varianceScale(call.step),
    });
    if (!this.#low) return;
    const { dx, rank } = this.#low;
    matmul(this.#commands, {
      mode: "TN",
      c: gradients.view("down"),
      a: dx,
      b: this.#kept.h,
      m: rank,
      n: this.#workspace.decoder.config.hiddenSize,
      k: entries.count,
      accumulate: true,
    });
  }

  /** Records h·Dᵀ, which the rest of a generator with a rank reads. */
  #projectDown({ x, rank }: { x: Slice; rank: number }, rows: number): void {
    const k = this.#workspace.decoder.config.hiddenSize;
    const b = this.#noise.values.view("down");
    matmul(this.#commands, { mode: "NT", c: x, a: this.#kept.h, b, m: rows, n: rank, k });
  }

  #headInputs(entries: EntryBuffers): ReturnType<typeof headInputs> {
    const { decoder, head: { scratch } } = this.#workspace;
    return headInputs({ decoder, parameters: this.#reference, entries, h: this.#kept.h, scratch });
  }

  #noiseInputs({ example, position }: EntryBuffers, { philoxStep: step }: LossCall): LmHeadNoise {
    const { values, settings } = this.#noise;
    const { iteration, training: { seed } } = this.#settings;
    return {
      noiseWeight: values.view(weightName(settings)),
      ...(this.#low && { noiseInput: { x: this.#low.x, columns: this.#low.rank } }),
      noiseBias: values.view("bias"),
      example,
      position,
      seed,
      iteration,
      step,
      maxVariance: settings.max_variance,
    };
  }

  /** Factor of Σσ² in its mean over the step's rejected positions and the vocabulary. */
  #varianceScale({ rejectedTokens }: StepBatch): number {
    return 1 / (rejectedTokens * this.#workspace.decoder.config.vocabSize);
  }
}
