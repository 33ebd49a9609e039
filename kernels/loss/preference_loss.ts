/** Preference losses over pairs, with their derivatives and metrics. @module */
import source from "./preference_loss.wgsl" with { type: "text" };
import type { Commands } from "../device/commands.ts";
import { defineKernel } from "../device/kernel.ts";
import type { Slice } from "../device/slice.ts";

/** What the kernel adds to, from the first slot of the metrics on. */
export const PREFERENCE_METRICS = [
  "loss",
  "noise/loss",
  "noise/variance",
  "rewards/chosen",
  "rewards/rejected",
  "rewards/accuracies",
  "rewards/margins",
  "logps/chosen",
  "logps/rejected",
] as const;

/** The shader's formulas. */
export const PreferenceFormula = { sigmoid: 0, hinge: 1, ipo: 2, robust: 3 } as const;

/** One of the shader's formulas. */
export type PreferenceFormula = typeof PreferenceFormula[keyof typeof PreferenceFormula];

const forward = defineKernel({
  name: "preference_loss",
  code: [{ name: "kernels/loss/preference_loss.wgsl", text: source }],
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
    formula: "u32",
    noised: "u32",
    beta: "f32",
    parameter: "f32",
    scale: "f32",
    variance_scale: "f32",
  },
});

/**
 * Buffers and sizes of {@linkcode preferenceLoss}. Sequence 2i is pair i's chosen response, 2i + 1 its rejected one.
 */
export interface PreferenceLoss {
  /** Output, overwritten: derivatives of the model loss at policyLogps, f32 [2 · pairs]. */
  dlogp: Slice;
  /**
   * Output, overwritten: derivatives of the noise loss at the noised log-probabilities (0 without noise), f32 [pairs].
   */
  dnoised: Slice;
  /** Added to: f32, [{@linkcode PREFERENCE_METRICS}, …]. */
  metrics: Slice;
  /** Summed log-probabilities under the policy, f32 [2 · pairs]. */
  policyLogps: Slice;
  /** Summed log-probabilities under the reference without noise, f32 [2 · pairs]. */
  referenceLogps: Slice;
  /** Response tokens of each sequence, u32 [2 · pairs]. */
  lengths: Slice;
  /** Leave it out if the reference has no noise. */
  noise?: {
    /** Summed log-probabilities of the rejected responses under the noised reference, f32 [pairs]. */
    logps: Slice;
    /** Σσ² over the rejected response's entries, f32 [pairs]. */
    sigmaSquared: Slice;
    /** Factor of Σσ² in the metric: 1 / (entries of the optimizer batch · vocab). */
    varianceScale: number;
  };
  pairs: number;
  formula: PreferenceFormula;
  beta: number;
  /** What the formula has besides: of `robust` the label smoothing, below 0.5 (default 0). */
  parameter?: number;
  /** 1 / pairs of the whole optimizer batch. */
  scale: number;
}

/**
 * Records the loss's derivatives, and adds the micro-batch's share to the metrics. No output may be an input's buffer.
 */
export function preferenceLoss(commands: Commands, call: PreferenceLoss): void {
  const { dlogp, dnoised, metrics, policyLogps, referenceLogps, lengths, noise, pairs, formula, beta, scale } = call;
  commands.dispatch(forward, {
    buffers: {
      dlogp,
      dnoised,
      metrics,
      policy_logps: policyLogps,
      reference_logps: referenceLogps,
      // Without noise the shader reads neither of these.
      noised_logps: noise?.logps ?? referenceLogps,
      sigma_squared: noise?.sigmaSquared ?? referenceLogps,
      lengths,
    },
    uniforms: {
      pairs,
      formula,
      noised: noise ? 1 : 0,
      beta,
      parameter: call.parameter ?? 0,
      scale,
      variance_scale: noise?.varianceScale ?? 0,
    },
    workgroups: [1],
    constants: { LANES: commands.device.rowLanes },
  });
}
