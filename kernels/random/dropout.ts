/** Dropout whose masks are made anew wherever they are needed, from the place of a number and not from memory. @module */
import source from "./dropout.wgsl" with { type: "text" };
import type { Commands } from "../device/commands.ts";
import { INVOCATION } from "../device/invocation.ts";
import { defineKernel } from "../device/kernel.ts";
import type { Slice } from "../device/slice.ts";
import { elementLanes } from "../vector.ts";
import { PHILOX } from "./philox.ts";
import { philoxKey } from "./philox_key.ts";

const kernel = defineKernel({
  name: "dropout",
  code: [PHILOX, INVOCATION, { name: "kernels/random/dropout.wgsl", text: source }],
  bindings: { y: "readWrite", x: "read", positions: "read", examples: "read" },
  uniforms: {
    rows: "u32",
    columns: "u32",
    adapter: "u32",
    step: "u32",
    seed: "u32",
    iteration: "u32",
    threshold: "u32",
    kept: "f32",
    accumulate: "u32",
  },
});

/** Columns that a counter tells apart, four to a block. */
const MAX_COLUMNS = 4 * 2 ** 16;

/** What the masks of dropout are made of. */
export interface DropoutPlace {
  /** Share that is left out, from 0 to below 1. */
  probability: number;
  seed: number;
  iteration: number;
  step: number;
  /** u32 [rows]: each row's position in its sequence, and the example that it belongs to. */
  positions: Slice;
  examples: Slice;
}

/** Buffers and sizes of {@linkcode dropout}. */
export interface Dropout extends DropoutPlace {
  /** f32 [rows, columns]: overwritten, or added to with `accumulate`. */
  y: Slice;
  /** f32 [rows, columns]; another buffer than y. */
  x: Slice;
  /** What has a mask of its own, below 2¹⁶. */
  module: number;
  rows: number;
  columns: number;
  accumulate?: boolean;
}

/**
 * Records y (+)= x·mask/(1 − p): numbers of Philox purpose 7 at counter (column >> 2 | module << 16, position, example,
 * step) that are at least p keep their column. Throws RangeError for more columns or modules than a counter tells apart.
 */
export function dropout(commands: Commands, call: Dropout): void {
  const { y, x, positions, examples, module, step, seed, iteration, probability, rows, columns, accumulate } = call;
  if (columns > MAX_COLUMNS || module >= 2 ** 16) {
    throw new RangeError(
      `Cannot drop out ${columns} columns of module ${module}: expected at most ${MAX_COLUMNS} of a module below 65536`,
    );
  }
  const { device } = commands;
  const [, purpose] = philoxKey(seed, { iteration, purpose: "adapterDropout" });
  const lanes = elementLanes(device);
  commands.dispatch(kernel, {
    buffers: { y, x, positions, examples },
    uniforms: {
      rows,
      columns,
      adapter: module,
      step,
      seed,
      iteration: purpose,
      threshold: dropoutThreshold(probability),
      kept: 1 - probability,
      accumulate: accumulate ? 1 : 0,
    },
    workgroups: [
      Math.ceil(columns / 4 / lanes),
      Math.min(rows, device.limits.maxComputeWorkgroupsPerDimension),
    ],
    constants: { LANES: lanes },
  });
}

/** The least word w whose number u = (w + 0.5)·2⁻³² is at least p. */
export function dropoutThreshold(probability: number): number {
  return Math.max(0, Math.ceil(probability * 2 ** 32 - 0.5));
}
