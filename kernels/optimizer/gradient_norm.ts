/** The global L2 norm of gradients, and the factor that clips them. @module */
import partialSource from "./gradient_norm.wgsl" with { type: "text" };
import finishSource from "./gradient_norm_finish.wgsl" with { type: "text" };
import { type Commands, grid } from "../device/commands.ts";
import { INVOCATION } from "../device/invocation.ts";
import { defineKernel } from "../device/kernel.ts";
import type { Slice } from "../device/slice.ts";
import { byWidth, defineWidths, elementLanes } from "../vector.ts";
import { windowOf, windows } from "../window.ts";
import { CONTROL } from "./control.ts";

const partial = defineWidths({
  name: "gradient_norm",
  code: [INVOCATION, { name: "kernels/optimizer/gradient_norm.wgsl", text: partialSource }],
  bindings: { partials: "readWrite", gradients: "read" },
  uniforms: { count: "u32", block: "u32", first: "u32" },
});

const finish = defineKernel({
  name: "gradient_norm_finish",
  code: [CONTROL, { name: "kernels/optimizer/gradient_norm_finish.wgsl", text: finishSource }],
  bindings: { control: "readWrite", partials: "read" },
  uniforms: { count: "u32", max_norm: "f32" },
});

/** Elements of a chunk whose squares make one partial sum. */
export const NORM_BLOCK = 16384;

/** A flat piece of a group's gradients. */
export interface GradientChunk {
  /** f32 [count], of any size. */
  gradients: Slice;
  count: number;
  /** Index of its first partial sum (default: the one after the chunk before). */
  firstPartial?: number;
}

/** Number of partial sums, of 4 bytes each, that {@linkcode squaredNorm} makes of chunks with these counts. */
export function squaredNormPartials(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + Math.ceil(count / NORM_BLOCK), 0);
}

/** Buffers of {@linkcode squaredNorm}. */
export interface SquaredNorm {
  /** Overwritten, where the chunks have theirs: f32 [{@linkcode squaredNormPartials}]. */
  partials: Slice;
  chunks: readonly GradientChunk[];
}

/** Records Σ g² over blocks of each chunk, always in the same order. */
export function squaredNorm(commands: Commands, { partials, chunks }: SquaredNorm): void {
  const lanes = elementLanes(commands.device);
  let first = 0;
  for (const { gradients, count, firstPartial } of chunks) {
    first = firstPartial ?? first;
    const { kernel, width } = byWidth(partial, count);
    for (const window of windows(commands.device, count, { rowBytes: 4, multiple: NORM_BLOCK })) {
      const blocks = Math.ceil(window.rows / NORM_BLOCK);
      commands.dispatch(kernel, {
        buffers: { partials, gradients: windowOf(gradients, window, 4) },
        uniforms: { count: window.rows / width, block: NORM_BLOCK / width, first },
        workgroups: grid(commands.device, blocks),
        constants: { LANES: lanes },
      });
      first += blocks;
    }
  }
}

/** Buffers and sizes of {@linkcode finishNorm}. */
export interface FinishNorm {
  /** The group's record; its norm and factor are overwritten. */
  control: Slice;
  /** f32 [count]. */
  partials: Slice;
  count: number;
  /** Larger norms are clipped to this; 0 clips none. */
  maxNorm: number;
}

/** Records the norm from its partial sums, and the clipping factor of torch.nn.utils.clip_grad_norm_. */
export function finishNorm(commands: Commands, { control, partials, count, maxNorm }: FinishNorm): void {
  commands.dispatch(finish, {
    buffers: { control, partials },
    uniforms: { count, max_norm: maxNorm },
    workgroups: [1],
    constants: { LANES: elementLanes(commands.device) },
  });
}
