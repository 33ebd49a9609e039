/** One micro-batch of supervised fine-tuning: token-mean cross-entropy on the responses. @module */
import type { Commands } from "../../../kernels/device/commands.ts";
import type { Slice } from "../../../kernels/device/device.ts";
import { sftLoss } from "../../../kernels/loss/sft_loss.ts";
import type { PackedBatch } from "../../model/pack.ts";
import { packedAttention } from "../../model/packed_attention.ts";
import { policyBackward, policyForward, type Workspace } from "../workspace.ts";

/** One micro-batch's place in its optimizer step. */
export interface SftCall {
  packed: PackedBatch;
  /** Response tokens of the whole optimizer batch. */
  batchTokens: number;
  /** The metrics row, added to. */
  metrics: Slice;
}

/** Records and submits one micro-batch: adds to the policy's gradients and to the metrics. */
export function sftPass(
  commands: Commands,
  workspace: Workspace,
  { buffers, call }: { buffers: { logps: Slice; dlogp: Slice }; call: SftCall },
): void {
  const { config } = workspace.decoder;
  const batch = workspace.batch.load(call.packed);
  const attention = packedAttention(commands, { config, batch });
  policyForward(commands, workspace, { out: buffers.logps, batch, attention });
  sftLoss(commands, {
    dlogp: buffers.dlogp,
    metrics: call.metrics,
    logps: buffers.logps,
    sequences: batch.entries.sequences,
    scale: 1 / call.batchTokens,
  });
  policyBackward(commands, workspace, { batch, dlogp: buffers.dlogp, attention });
  commands.submit();
}
