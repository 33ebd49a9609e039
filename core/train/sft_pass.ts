/** One micro-batch of supervised fine-tuning: token-mean cross-entropy on the responses. @module */
import type { Commands } from "../../kernels/device/commands.ts";
import type { Slice } from "../../kernels/device/device.ts";
import { sftLoss } from "../../kernels/sft_loss.ts";
import type { PackedBatch } from "../data/pack.ts";
import { decoderForward } from "../model/decoder.ts";
import { scoreSequences } from "../model/head.ts";
import { packedAttention } from "../model/packed_attention.ts";
import { policyBackward, type Workspace } from "./workspace.ts";

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
  const { decoder, policy, forward, head } = workspace;
  const { config } = decoder;
  const batch = workspace.batch.load(call.packed);
  const attention = packedAttention(commands, { config, batch });
  decoderForward(commands, decoder, { weights: policy, batch, buffers: forward, attention });
  scoreSequences(commands, {
    out: buffers.logps,
    config,
    weights: policy,
    hidden: forward.hidden,
    tokens: batch.tokens,
    entries: batch.entries,
    buffers: head,
  });
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
