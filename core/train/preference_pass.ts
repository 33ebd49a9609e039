/** One micro-batch of pairs: reference, policy, loss, backward (METHOD, "The loss"). @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { Slice } from "../../kernels/device/device.ts";
import { lmHeadForward } from "../../kernels/lm_head.ts";
import { type LmHeadNoise, lmHeadNoiseBackward, lmHeadNoiseForward } from "../../kernels/lm_head_noise.ts";
import { preferenceLoss, type PreferenceLossType } from "../../kernels/preference_loss.ts";
import { sequenceSum } from "../../kernels/sequence_sum.ts";
import type { NoiseConfig } from "../config/types.ts";
import type { PackedBatch } from "../data/pack.ts";
import type { BufferSet } from "../model/activations.ts";
import type { BatchCapacity, DeviceBatch, EntryBuffers } from "../model/batch.ts";
import { decoderForward } from "../model/decoder.ts";
import { gatherEntries, headInputs, scoreSequences } from "../model/head.ts";
import { packedAttention } from "../model/packed_attention.ts";
import type { ParameterBuffers } from "../tensor/parameters.ts";
import { policyBackward, type Workspace } from "./workspace.ts";

/** The noise generator on the device. */
export interface NoiseGenerator {
  readonly values: ParameterBuffers;
  readonly gradients: ParameterBuffers;
  readonly settings: NoiseConfig;
}

/** What stays the same over an iteration. */
export interface PreferenceModels {
  reference: ParameterBuffers;
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
  /** Of the rejected entries, kept for the noise's backward pass; null without noise. */
  readonly noise: { h: Slice; logpNoised: Slice; lseNoised: Slice; sigmaSquared: Slice } | null;
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
  packed: PackedBatch;
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
  const { decoder, policy, forward, head } = workspace;
  const { config } = decoder;
  const { packed, batchPairs, update } = call;
  const batch = workspace.batch.load(packed);
  const pairs = packed.lengths.length / 2;
  const attention = packedAttention(commands, { config, batch });
  const varianceScale = 1 / (call.batchRejected * config.vocabSize);

  decoderForward(commands, decoder, { weights: models.reference, batch, buffers: forward, attention });
  if (models.noise) noisedReference(commands, workspace, { models, noise: models.noise, buffers, call, batch });
  else scoreBatch(commands, workspace, { weights: models.reference, batch, out: buffers.referenceLogps });

  decoderForward(commands, decoder, { weights: policy, batch, buffers: forward, attention });
  scoreBatch(commands, workspace, { weights: policy, batch, out: buffers.policyLogps });

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
  if (update.noise && models.noise) {
    const { noise } = models;
    const [, entries] = batch.sides!;
    lmHeadNoiseBackward(commands, {
      ...headInputs({ config, weights: models.reference, entries, h: buffers.noise!.h, scratch: head.scratch }),
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

function scoreBatch(
  commands: Commands,
  { decoder, forward, head }: Workspace,
  { weights, batch, out }: { weights: ParameterBuffers; batch: DeviceBatch; out: Slice },
): void {
  scoreSequences(commands, {
    out,
    config: decoder.config,
    weights,
    hidden: forward.hidden,
    tokens: batch.tokens,
    entries: batch.entries,
    buffers: head,
  });
}

/** The chosen side without noise; the rejected one with and without. */
function noisedReference(
  commands: Commands,
  { decoder, forward, head }: Workspace,
  { models, noise, buffers, call, batch }: {
    models: PreferenceModels;
    noise: NoiseGenerator;
    buffers: PreferenceBuffers;
    call: PreferenceCall;
    batch: DeviceBatch;
  },
): void {
  const { config } = decoder;
  const [chosen, rejected] = batch.sides!;
  const { reference: weights } = models;
  const sides = { config, hidden: forward.hidden, tokens: batch.tokens };
  const { logp, lse, scratch } = head;
  const clean = { x: logp, sequences: chosen.sequences, stride: 2, out: buffers.referenceLogps };

  gatherEntries(commands, { ...sides, h: head.h, entries: chosen });
  lmHeadForward(commands, { ...headInputs({ config, weights, entries: chosen, h: head.h, scratch }), logp, lse });
  sequenceSum(commands, { ...clean, starts: chosen.starts, offset: 0 });

  const { h, logpNoised, lseNoised, sigmaSquared } = buffers.noise!;
  gatherEntries(commands, { ...sides, h, entries: rejected });
  lmHeadNoiseForward(commands, {
    ...headInputs({ config, weights, entries: rejected, h, scratch }),
    ...noiseInputs(models, { noise, entries: rejected, step: call.philoxStep }),
    logp,
    lse,
    logpNoised,
    lseNoised,
    sigmaSquared,
  });
  const { starts, sequences } = rejected;
  sequenceSum(commands, { ...clean, starts, offset: 1 });
  sequenceSum(commands, { out: buffers.noisedLogps, x: logpNoised, starts, sequences });
  sequenceSum(commands, { out: buffers.sigmaSquared, x: sigmaSquared, starts, sequences });
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
