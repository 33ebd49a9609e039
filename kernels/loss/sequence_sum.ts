/** Sums of values over the entries of each sequence. @module */
import source from "./sequence_sum.wgsl" with { type: "text" };
import { type Commands, grid } from "../device/commands.ts";
import { INVOCATION } from "../device/invocation.ts";
import { defineKernel } from "../device/kernel.ts";
import type { Slice } from "../device/slice.ts";

const forward = defineKernel({
  name: "sequence_sum",
  code: [INVOCATION, { name: "kernels/loss/sequence_sum.wgsl", text: source }],
  bindings: { out: "readWrite", x: "read", starts: "read" },
  uniforms: { sequences: "u32", stride: "u32", offset: "u32" },
});

/** Buffers and sizes of {@linkcode sequenceSum}. */
export interface SequenceSum {
  /** Output, overwritten: f32 [sequences]. */
  out: Slice;
  /** f32 [entries]. */
  x: Slice;
  /** Each sequence's first entry, then the number of entries: u32 [sequences + 1]. */
  starts: Slice;
  sequences: number;
  /** Elements between two sums in `out` (default 1). */
  stride?: number;
  /** Element of `out` that holds the first sum (default 0). */
  offset?: number;
}

/**
 * Records out[offset + s·stride] = Σ x[e] over the entries starts[s] ≤ e < starts[s + 1]; an empty sequence gives 0.
 */
export function sequenceSum(
  commands: Commands,
  { out, x, starts, sequences, stride = 1, offset = 0 }: SequenceSum,
): void {
  commands.dispatch(forward, {
    buffers: { out, x, starts },
    uniforms: { sequences, stride, offset },
    workgroups: grid(commands.device, sequences),
    constants: { LANES: commands.device.rowLanes },
  });
}
