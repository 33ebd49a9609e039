/** Supervised fine-tuning: token-mean cross-entropy on the answers. @module */
import { sftLoss } from "../../../kernels/loss/sft_loss.ts";
import { packedAttention } from "../../model/packed_attention.ts";
import { policyBackward, policyForward } from "../workspace.ts";
import type { Loss } from "./loss.ts";

/** `sft`: −Σ log p(y_t) / tokens of the step, over response tokens (docs/method.md, "Losses beside the paper's"). */
export const sft: Loss = {
  rows: "examples",
  needsReference: false,
  metrics: ["loss"],
  formula: null,
  create(commands, { set, workspace, capacity }) {
    const { config } = workspace.decoder;
    const logps = set.words(capacity.sequences, "logps");
    const dlogp = set.words(capacity.sequences, "dlogp");
    return {
      record({ microBatch, step, philoxStep, metrics }) {
        const batch = workspace.batch.load(microBatch.packed);
        const attention = packedAttention(commands, { config, batch });
        policyForward(commands, workspace, { out: logps, batch, step: philoxStep, attention });
        sftLoss(commands, {
          dlogp,
          metrics,
          logps,
          sequences: batch.entries.sequences,
          scale: 1 / step.responseTokens,
        });
        policyBackward(commands, workspace, { batch, dlogp, step: philoxStep, attention });
        commands.submit();
      },
    };
  },
};
