/** One micro-batch of pairs: noised reference, policy, loss, backward (METHOD, "The loss"). @module */
import type { Commands } from "../../../kernels/device/commands.ts";
import type { Slice } from "../../../kernels/device/device.ts";
import { type LmHeadNoise, lmHeadNoiseBackward, lmHeadNoiseForward } from "../../../kernels/lm_head/lm_head_noise.ts";
import { preferenceLoss, type PreferenceLossType } from "../../../kernels/loss/preference_loss.ts";
import { sequenceSum } from "../../../kernels/loss/sequence_sum.ts";
import type { NoiseConfig } from "../../config/config_types.ts";
import type { BufferSet } from "../../model/activations.ts";
import { decoderForward } from "../../model/decoder.ts";
import { BatchBuffers, type BatchCapacity, type EntryBuffers } from "../../model/device_batch.ts";
import { packedAttention } from "../../model/packed_attention.ts";
import type { ParameterBuffers } from "../../model/parameters.ts";
import { gatherEntries, headInputs } from "../../model/response_head.ts";
import type { ReferenceLogps } from "../reference_logps.ts";
import type { MicroBatch } from "../step_batches.ts";
import { policyBackward, policyForward, type Workspace } from "../workspace.ts";

/** The noise generator on the device, and the reference that it disturbs. */
export interface NoiseGenerator {
  readonly reference: ParameterBuffers;
  readonly values: ParameterBuffers;
  readonly gradients: ParameterBuffers;
  readonly settings: NoiseConfig;
}

/** What stays the same over an iteration. */
export interface PreferenceModels {
  logps: ReferenceLogps;
  noise: NoiseGenerator | null;
  lossType: PreferenceLossType;
  beta: number;
  labelSmoothing: number;
  seed: number;
  iteration: number;
}

/** Buffers of the preference loss besides the workspace's. */
export interface PreferenceBuffers {
  readonly policyLogps: Slice; // [2P]
  readonly referenceLogps: Slice; // [2P]
  readonly noisedLogps: Slice; // [P]
  readonly sigmaSquared: Slice; // [P]
  readonly dlogp: Slice; // [2P]
  readonly dnoised: Slice; // [P]
  /** Of the rejected responses, kept for the noise's backward pass; null without noise. */
  readonly noise: {
    batch: BatchBuffers;
    h: Slice;
    logpNoised: Slice;
    lseNoised: Slice;
    sigmaSquared: Slice;
  } | null;
}

/** Makes the buffers. */
export function preferenceBuffers(
  set: BufferSet,
  { capacity, hidden, noise }: { capacity: BatchCapacity; hidden: number; noise: boolean },
): PreferenceBuffers {
  const { entries, sequences } = capacity;
  return {
    policyLogps: set.words(sequences, "policy logps"),
    referenceLogps: set.words(sequences, "reference logps"),
    noisedLogps: set.words(sequences, "noised logps"),
    sigmaSquared: set.words(sequences, "sigma squared"),
    dlogp: set.words(sequences, "dlogp"),
    dnoised: set.words(sequences, "dnoised"),
    noise: noise
      ? {
        // The rejected responses are a part of the pairs, so that it has room for them.
        batch: new BatchBuffers(set, { capacity }),
        h: set.words(entries * hidden, "reference hidden of rejected"),
        logpNoised: set.words(entries, "noised entry logps"),
        lseNoised: set.words(entries, "noised log-sum-exp"),
        sigmaSquared: set.words(entries, "entry sigma squared"),
      }
      : null,
  };
}

/** One micro-batch's place in its optimizer step. */
export interface PreferenceCall {
  microBatch: MicroBatch;
  /** Pairs of the whole optimizer batch. */
  batchPairs: number;
  /** Rejected response tokens of the whole optimizer batch. */
  batchRejected: number;
  /** Philox's `step`. */
  philoxStep: number;
  /** The metrics row, added to. */
  metrics: Slice;
  /** Which gradients are added to. */
  update: { model: boolean; noise: boolean };
}

/** Records and submits one micro-batch: adds to the gradients of policy and noise generator, and to the metrics. */
export function preferencePass(
  commands: Commands,
  workspace: Workspace,
  { models, buffers, call }: { models: PreferenceModels; buffers: PreferenceBuffers; call: PreferenceCall },
): void {
  const { decoder: { config }, head } = workspace;
  const { microBatch: { packed, places }, batchPairs, update } = call;
  const batch = workspace.batch.load(packed);
  const pairs = places.length;
  const attention = packedAttention(commands, { config, batch });
  const varianceScale = 1 / (call.batchRejected * config.vocabSize);
  const known = places.flatMap((i) => [models.logps.chosen[i]!, models.logps.rejected[i]!]);
  commands.device.write(buffers.referenceLogps, Float32Array.from(known));

  const rejected = models.noise && noisedReference(commands, workspace, { models, noise: models.noise, buffers, call });
  policyForward(commands, workspace, { out: buffers.policyLogps, batch, attention });

  preferenceLoss(commands, {
    dlogp: buffers.dlogp,
    dnoised: buffers.dnoised,
    metrics: call.metrics,
    policyLogps: buffers.policyLogps,
    referenceLogps: buffers.referenceLogps,
    lengths: batch.lengths,
    ...(models.noise && {
      noise: { logps: buffers.noisedLogps, sigmaSquared: buffers.sigmaSquared, varianceScale },
    }),
    pairs,
    lossType: models.lossType,
    beta: models.beta,
    labelSmoothing: models.labelSmoothing,
    scale: 1 / batchPairs,
  });
  if (update.model) policyBackward(commands, workspace, { batch, dlogp: buffers.dlogp, attention });
  if (update.noise && models.noise && rejected) {
    const { noise } = models;
    const entries = rejected;
    lmHeadNoiseBackward(commands, {
      ...headInputs({ config, weights: noise.reference, entries, h: buffers.noise!.h, scratch: head.scratch }),
      ...noiseInputs(models, { noise, entries, step: call.philoxStep }),
      dnoiseWeight: noise.gradients.view("weight"),
      dnoiseBias: noise.gradients.view("bias"),
      lseNoised: buffers.noise!.lseNoised,
      dlogpNoised: buffers.dnoised,
      sequence: entries.sequence,
      varianceScale: noise.settings.alpha * varianceScale,
    });
  }
  commands.submit();
}

/** The rejected responses under the reference with noise, and without: overwrites their part of the reference's logps. */
function noisedReference(
  commands: Commands,
  { decoder, forward, head }: Workspace,
  { models, noise, buffers, call }: {
    models: PreferenceModels;
    noise: NoiseGenerator;
    buffers: PreferenceBuffers;
    call: PreferenceCall;
  },
): EntryBuffers {
  const { config } = decoder;
  const { reference: weights } = noise;
  const { batch: batchBuffers, h, logpNoised, lseNoised, sigmaSquared } = buffers.noise!;
  const batch = batchBuffers.load(call.microBatch.rejected!);
  const { entries } = batch;
  const attention = packedAttention(commands, { config, batch });
  decoderForward(commands, decoder, { weights, batch, buffers: forward, attention });
  gatherEntries(commands, { config, hidden: forward.hidden, tokens: batch.tokens, h, entries });
  const { logp, lse, scratch } = head;
  lmHeadNoiseForward(commands, {
    ...headInputs({ config, weights, entries, h, scratch }),
    ...noiseInputs(models, { noise, entries, step: call.philoxStep }),
    logp,
    lse,
    logpNoised,
    lseNoised,
    sigmaSquared,
  });
  const { starts, sequences } = entries;
  sequenceSum(commands, { out: buffers.referenceLogps, x: logp, starts, sequences, stride: 2, offset: 1 });
  sequenceSum(commands, { out: buffers.noisedLogps, x: logpNoised, starts, sequences });
  sequenceSum(commands, { out: buffers.sigmaSquared, x: sigmaSquared, starts, sequences });
  return entries;
}

function noiseInputs(
  { seed, iteration }: PreferenceModels,
  { noise, entries, step }: { noise: NoiseGenerator; entries: EntryBuffers; step: number },
): LmHeadNoise {
  return {
    noiseWeight: noise.values.view("weight"),
    noiseBias: noise.values.view("bias"),
    example: entries.example,
    position: entries.position,
    seed,
    iteration,
    step,
    maxVariance: noise.settings.max_variance,
  };
}
