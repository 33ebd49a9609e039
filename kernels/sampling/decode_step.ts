/** The state of rows that are being generated; it stays on the device, so that many tokens need no fence. @module */
import source from "./decode_step.wgsl" with { type: "text" };
import type { Commands } from "../device/commands.ts";
import { defineKernel } from "../device/kernel.ts";
import type { Slice } from "../device/slice.ts";

const kernel = defineKernel({
  name: "decode_step",
  code: [{ name: "kernels/sampling/decode_step.wgsl", text: source }],
  bindings: {
    out: "readWrite",
    token: "readWrite",
    position: "readWrite",
    finished: "readWrite",
    sampled: "read",
    limit: "read",
  },
  uniforms: { rows: "u32", index: "u32", eos_count: "u32", eos: "array<vec4u, 2>" },
});

/** The value in `out` for a row that had finished before. */
export const NO_TOKEN = 0xffffffff;

/** Values of `finished`. */
export const FINISHED = { running: 0, eos: 1, length: 2 } as const;

const MAX_EOS = 8;
const LANES = 64;

/** Buffers and settings of {@linkcode decodeStep}; all but `out` are u32 [rows]. */
export interface DecodeStep {
  /** Row `index` is overwritten; rows that had finished get {@linkcode NO_TOKEN}: u32 [steps, rows]. */
  out: Slice;
  /** The last token, updated. */
  token: Slice;
  /** The last token's position in its sequence, prompt included, updated. */
  position: Slice;
  /** One of {@linkcode FINISHED}, updated. */
  finished: Slice;
  /** From `sampleTokens`. */
  sampled: Slice;
  /** The last position that a token may have. */
  limit: Slice;
  rows: number;
  /** The row of `out` for this step. */
  index: number;
  /** At most 8 ids that end a sequence. */
  eos: readonly number[];
}

/**
 * Records the step that appends the sampled tokens to the rows that still run. Throws RangeError for more than 8 ids.
 */
export function decodeStep(commands: Commands, { rows, index, eos, ...buffers }: DecodeStep): void {
  if (eos.length > MAX_EOS) {
    throw new RangeError(`Cannot record a decoding step: ${eos.length} EOS ids, expected at most ${MAX_EOS}`);
  }
  commands.dispatch(kernel, {
    buffers,
    uniforms: { rows, index, eos_count: eos.length, eos },
    workgroups: [Math.ceil(rows / LANES)],
    constants: { LANES },
  });
}
