/** The loss of supervised fine-tuning. @module */
import source from "./sft_loss.wgsl" with { type: "text" };
import type { Commands } from "../device/commands.ts";
import { defineKernel } from "../device/kernel.ts";
import type { Slice } from "../device/slice.ts";

const forward = defineKernel({
  name: "sft_loss",
  code: [{ name: "kernels/loss/sft_loss.wgsl", text: source }],
  bindings: { dlogp: "readWrite", metrics: "readWrite", logps: "read" },
  uniforms: { sequences: "u32", scale: "f32" },
});

/** Buffers and sizes of {@linkcode sftLoss}. */
export interface SftLoss {
  /** Output, overwritten: derivatives of the loss at logps, f32 [sequences]. */
  dlogp: Slice;
  /** Added to: f32, the loss at slot 0. */
  metrics: Slice;
  /** Summed log-probabilities, f32 [sequences]. */
  logps: Slice;
  sequences: number;
  /** 1 / response tokens of the whole optimizer batch. */
  scale: number;
}

/** Records the loss −scale · Σ logps (token-mean cross-entropy): its derivatives, and its share of the metrics. */
export function sftLoss(commands: Commands, { dlogp, metrics, logps, sequences, scale }: SftLoss): void {
  commands.dispatch(forward, {
    buffers: { dlogp, metrics, logps },
    uniforms: { sequences, scale },
    workgroups: [1],
    constants: { LANES: commands.device.rowLanes },
  });
}
