/** Preference losses over pairs, with their derivatives and metrics. @module */
import source from "./preference_loss.wgsl" with { type: "text" };
import type { Commands } from "../device/commands.ts";
import type { Slice } from "../device/device.ts";
import { defineKernel } from "../device/kernel.ts";
import { PREFERENCE_LOSSES, type PreferenceLossType } from "./loss_names.ts";

/** The metrics' names, each at its slot of the f32 metrics buffer. The losses leave the two norms to others. */
export const METRIC_NAMES = [
  "loss",
  "noise/loss",
  "noise/variance",
  "rewards/chosen",
  "rewards/rejected",
  "rewards/accuracies",
  "rewards/margins",
  "logps/chosen",
  "logps/rejected",
  "grad_norm",
  "noise/grad_norm",
] as const;

/** A metric's name. */
export type MetricName = typeof METRIC_NAMES[number];

/** A metric's slot in the metrics buffer. */
export function metricSlot(name: MetricName): number {
  return METRIC_NAMES.indexOf(name);
}

export { PREFERENCE_LOSSES, type PreferenceLossType } from "./loss_names.ts";

const forward = defineKernel({
  name: "preference_loss",
  code: source,
  bindings: {
    dlogp: "readWrite",
    dnoised: "readWrite",
    metrics: "readWrite",
    policy_logps: "read",
    reference_logps: "read",
    noised_logps: "read",
    sigma_squared: "read",
    lengths: "read",
  },
  uniforms: {
    pairs: "u32",
    loss_type: "u32",
    noised: "u32",
    beta: "f32",
    label_smoothing: "f32",
    scale: "f32",
    variance_scale: "f32",
  },
});

/** Buffers and sizes of {@linkcode preferenceLoss}. Sequence 2i is pair i's chosen response, 2i + 1 its rejected one. */
export interface PreferenceLoss {
  /** Output, overwritten: derivatives of the model loss at policyLogps, f32 [2 · pairs]. */
  dlogp: Slice;
  /** Output, overwritten: derivatives of the noise loss at the noised log-probabilities (0 without noise), f32 [pairs]. */
  dnoised: Slice;
  /** Added to: f32, slots as in {@linkcode METRIC_NAMES}. */
  metrics: Slice;
  /** Summed log-probabilities under the policy, f32 [2 · pairs]. */
  policyLogps: Slice;
  /** Summed log-probabilities under the reference without noise, f32 [2 · pairs]. */
  referenceLogps: Slice;
  /** Response tokens of each sequence, u32 [2 · pairs]. */
  lengths: Slice;
  /** Left out where the reference has no noise. */
  noise?: {
    /** Summed log-probabilities of the rejected responses under the noised reference, f32 [pairs]. */
    logps: Slice;
    /** Σσ² over the rejected response's entries, f32 [pairs]. */
    sigmaSquared: Slice;
    /** Factor of Σσ² in the metric: 1 / (entries of the optimizer batch · vocab). */
    varianceScale: number;
  };
  pairs: number;
  lossType: PreferenceLossType;
  beta: number;
  /** For `robust`: below 0.5 (default 0). */
  labelSmoothing?: number;
  /** 1 / pairs of the whole optimizer batch. */
  scale: number;
}

/** Records the loss's derivatives and adds the micro-batch's share to the metrics. Outputs and inputs are other buffers. */
export function preferenceLoss(commands: Commands, call: PreferenceLoss): void {
  const { dlogp, dnoised, metrics, policyLogps, referenceLogps, lengths, noise, pairs, lossType, beta, scale } = call;
  commands.dispatch(forward, {
    buffers: {
      dlogp,
      dnoised,
      metrics,
      policy_logps: policyLogps,
      reference_logps: referenceLogps,
      // Without noise the shader reads neither.
      noised_logps: noise?.logps ?? referenceLogps,
      sigma_squared: noise?.sigmaSquared ?? referenceLogps,
      lengths,
    },
    uniforms: {
      pairs,
      loss_type: PREFERENCE_LOSSES.indexOf(lossType),
      noised: noise ? 1 : 0,
      beta,
      label_smoothing: call.labelSmoothing ?? 0,
      scale,
      variance_scale: noise?.varianceScale ?? 0,
    },
    workgroups: [1],
    constants: { LANES: commands.device.rowLanes },
  });
}
