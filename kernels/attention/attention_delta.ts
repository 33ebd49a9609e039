/** What attention's gradient on matrix units takes of each query besides the heads. @module */
import source from "./attention_delta.wgsl" with { type: "text" };
import { type Commands, grid } from "../device/commands.ts";
import { INVOCATION } from "../device/invocation.ts";
import { defineKernel } from "../device/kernel.ts";
import type { Slice } from "../device/slice.ts";

/** Buffers and sizes of {@linkcode attentionDelta}. */
export interface AttentionDelta {
  /** Output, overwritten: vec2f [tokens, heads], the log-sum-exp in powers of two, and Σ dout · out. */
  saved: Slice;
  /** f32 [tokens, heads, headDim]. */
  dout: Slice;
  /** As `dout`. */
  out: Slice;
  /** f32 [tokens, heads]. */
  lse: Slice;
  tokens: number;
  heads: number;
  /** A multiple of 4. */
  headDim: number;
}

const kernel = defineKernel({
  name: "attention_delta",
  code: [INVOCATION, { name: "kernels/attention/attention_delta.wgsl", text: source }],
  bindings: { saved: "readWrite", dout: "read", out: "read", lse: "read" },
  uniforms: { rows: "u32" },
});

const LANES = 128;
/** Lanes of a row, as in the WGSL. */
const ACROSS = 16;

/** Records the sums of all tokens. */
export function attentionDelta(
  commands: Commands,
  { saved, dout, out, lse, tokens, heads, headDim }: AttentionDelta,
): void {
  const rows = tokens * heads;
  commands.dispatch(kernel, {
    buffers: { saved, dout, out, lse },
    uniforms: { rows },
    workgroups: grid(commands.device, Math.ceil(rows * ACROSS / LANES)),
    constants: { LANES, HEAD: headDim },
  });
}
