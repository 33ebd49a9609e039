/** The losses over pairs against a reference, with or without noise on it (docs/method.md, "The loss"). @module */
import { preferenceLoss } from "../../../kernels/loss/preference_loss.ts";
import type { TrainingConfig } from "../../config/config_types.ts";
import { packedAttention } from "../../model/packed_attention.ts";
import { policyBackward, policyForward } from "../workspace.ts";
import type { Loss, PairFormula } from "./loss.ts";
import { NoisedReference } from "./noised_reference.ts";

/** `sigmoid`: DPO's, −log σ(b(Δ⁺ − Δ⁻)). */
export const sigmoid: Loss = preferenceLossOf(({ beta }) => ({ link: "logistic", factor: beta }));

/** `hinge`: SLiC's, relu(1 − b(Δ⁺ − Δ⁻)). */
export const hinge: Loss = preferenceLossOf(({ beta }) => ({ link: "hinge", factor: beta }));

/** `ipo`: (Δ⁺/|y⁺| − Δ⁻/|y⁻| − 1/(2b))². */
export const ipo: Loss = preferenceLossOf(({ beta }) => ({
  link: "square",
  factor: 1,
  perToken: true,
  // The device has beta in float32, so that the offset is computed from that number.
  offset: 0.5 / Math.fround(beta),
}));

/** `robust`: DPO's with a share e of wrong labels, [−(1−e) log σ(m) + e log σ(−m)] / (1−2e). */
export const robust: Loss = preferenceLossOf(({ beta, label_smoothing }) => ({
  link: "logistic",
  factor: beta,
  smoothing: label_smoothing,
}));

function preferenceLossOf(formulaOf: (training: TrainingConfig) => PairFormula): Loss {
  return {
    rows: "pairs",
    needsReference: true,
    metrics: [
      "loss",
      "rewards/chosen",
      "rewards/rejected",
      "rewards/accuracies",
      "rewards/margins",
      "logps/chosen",
      "logps/rejected",
    ],
    formula: formulaOf,
    create(commands, setup) {
      const { set, workspace, capacity: { sequences }, settings: { training }, logps } = setup;
      const { config } = workspace.decoder;
      const formula = formulaOf(training);
      const policyLogps = set.words(sequences, "policy logps"); // [2P]
      const referenceLogps = set.words(sequences, "reference logps"); // [2P]
      const dlogp = set.words(sequences, "dlogp"); // [2P]
      const dnoised = set.words(sequences, "dnoised"); // [P]
      const noised = setup.noise && new NoisedReference(commands, { ...setup, noise: setup.noise });
      return {
        ...(noised && {
          rejectedLogps: noised.rejectedLogps,
          recordAhead(microBatch) {
            noised.recordAhead(microBatch);
            commands.submit();
          },
        }),
        record(call) {
          const { microBatch: { packed, places }, step, philoxStep, update } = call;
          const batch = workspace.batch.load(packed);
          const attention = packedAttention(commands, { config, batch });
          const known = places.flatMap((i) => [logps!.chosen[i]!, logps!.rejected[i]!]);
          commands.device.write(referenceLogps, Float32Array.from(known));
          const noise = noised?.record(call, referenceLogps);
          policyForward(commands, workspace, { out: policyLogps, batch, step: philoxStep, attention });
          preferenceLoss(commands, {
            dlogp,
            dnoised,
            metrics: call.metrics,
            policyLogps,
            referenceLogps,
            lengths: batch.lengths,
            ...(noise && { noise }),
            pairs: places.length,
            ...formula,
            beta: training.beta,
            scale: 1 / step.rows,
          });
          if (update.model) policyBackward(commands, workspace, { batch, dlogp, step: philoxStep, attention });
          if (update.noise) noised?.recordBackward(call, dnoised);
          commands.submit();
        },
      };
    },
  };
}
