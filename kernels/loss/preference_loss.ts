/** Preference losses over pairs, with their derivatives and metrics. @module */
import source from "./preference_loss.wgsl" with { type: "text" };
import type { Commands } from "../device/commands.ts";
import { defineKernel } from "../device/kernel.ts";
import type { Slice } from "../device/slice.ts";

/** A number of the loss, averaged over pairs. */
export type PreferenceMetric =
  | "loss"
  | "noise/loss"
  | "noise/variance"
  | "rewards/chosen"
  | "rewards/rejected"
  | "rewards/accuracies"
  | "rewards/margins"
  | "logps/chosen"
  | "logps/rejected";

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
] as const satisfies readonly PreferenceMetric[];

/** What a pair's margin passes through: see {@linkcode PreferenceLoss}. */
export type PreferenceLink = keyof typeof LINKS;

/** The shader's numbers of the links. */
const LINKS = { logistic: 0, hinge: 1, square: 2 } as const;

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
    link: "u32",
    per_token: "u32",
    noised: "u32",
    factor: "f32",
    offset: "f32",
    smoothing: "f32",
    beta: "f32",
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
  /**
   * The loss of a margin m: logistic is ((1 − e) softplus(−m) − e softplus(m)) / (1 − 2e), with the smoothing e; hinge
   * max(0, 1 − m); square m².
   */
  link: PreferenceLink;
  /**
   * Makes a pair's margin, factor · (Δ⁺/n⁺ − Δ⁻/n⁻ − offset), of how much more likely (in nats) each response is under
   * the policy than under the reference; n is its tokens if `perToken` (default false), else 1. The offset is 0 by
   * default.
   */
  factor: number;
  offset?: number;
  perToken?: boolean;
  /** Below 0.5; of the link logistic (default 0). */
  smoothing?: number;
  /** Factor on the rewards in the metrics. */
  beta: number;
  /** 1 / pairs of the whole optimizer batch. */
  scale: number;
}

/**
 * Records the loss's derivatives, and adds the micro-batch's share to the metrics. No output may be an input's buffer.
 */
export function preferenceLoss(commands: Commands, call: PreferenceLoss): void {
  const { dlogp, dnoised, metrics, policyLogps, referenceLogps, lengths, noise, pairs, link, factor, beta, scale } =
    call;
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
      link: LINKS[link],
      per_token: call.perToken ? 1 : 0,
      noised: noise ? 1 : 0,
      factor,
      offset: call.offset ?? 0,
      smoothing: call.smoothing ?? 0,
      beta,
      scale,
      variance_scale: noise?.varianceScale ?? 0,
    },
    workgroups: [1],
    constants: { LANES: commands.device.rowLanes },
  });
}
