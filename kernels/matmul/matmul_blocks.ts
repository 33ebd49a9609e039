/** The blocks of k of one product: one after another, or side by side. @module */
import reduceSource from "./matmul_reduce.wgsl" with { type: "text" };
import { type Commands, grid } from "../device/commands.ts";
import { INVOCATION } from "../device/invocation.ts";
import type { Slice } from "../device/slice.ts";
import { byWidth, defineWidths } from "../vector.ts";
import { scratchOf } from "./matmul_scratch.ts";

/** The most bytes of partial sums, and of what else blocks have that run side by side. */
const SCRATCH_BYTES = 32 * 1024 * 1024;

/** A product in blocks. */
export interface BlockedProduct {
  /** Output; overwritten, or added to if `accumulate`: [m, n], rows `ldc` apart, from element `cFirst` on. */
  c: Slice;
  m: number;
  n: number;
  k: number;
  ldc: number;
  cFirst: number;
  accumulate: boolean;
  /** Added to every row of c. */
  bias: Slice | undefined;
  /** Length of a block. */
  block: number;
  /** Workgroups of a block, and those that keep the device busy. */
  tiles: number;
  busy: number;
  /** Bytes of scratch that each block takes besides its sums. */
  blockBytes?: number;
}

/** Some blocks of k to record as one dispatch: from the first of `count` on, with z of them, each `cBlock` further in c. */
export interface BlockRun extends Pick<BlockedProduct, "c" | "ldc" | "cFirst" | "accumulate"> {
  first: number;
  count: number;
  cBlock: number;
  addBias: boolean;
  /** Whether c is the recorder's own, where rows follow one another. */
  isPartial: boolean;
}

const reduce = defineWidths({
  name: "matmul_reduce",
  code: [INVOCATION, { name: "kernels/matmul/matmul_reduce.wgsl", text: reduceSource }],
  bindings: { c: "readWrite", partial: "read", bias: "read" },
  uniforms: {
    rows: "u32",
    columns: "u32",
    stride: "u32",
    blocks: "u32",
    accumulate: "u32",
    add_bias: "u32",
    first: "u32",
  },
});

/** Records a product by `run`: side by side if its tiles do not keep the device busy. c is the same either way. */
export function inBlocks(commands: Commands, product: BlockedProduct, run: (run: BlockRun) => void): void {
  const { c, m, n, k, ldc, cFirst, accumulate, bias, block, tiles, busy, blockBytes = 0 } = product;
  const count = Math.max(1, Math.ceil(k / block));
  if (count > 1 && tiles < busy && count * Math.max(4 * m * n, blockBytes) <= SCRATCH_BYTES) {
    const partial = scratchOf(commands, count * m * n * 4);
    run({
      ...{ c: partial, ldc: n, cFirst: 0, cBlock: m * n, first: 0, count },
      ...{ accumulate: false, addBias: false, isPartial: true },
    });
    return addUp(commands, { ...product, partial, count });
  }
  for (let first = 0; first < count; first++) {
    run({
      ...{ c, ldc, cFirst, cBlock: 0, first, count: 1 },
      accumulate: accumulate || first > 0,
      addBias: bias !== undefined && first === count - 1,
      isPartial: false,
    });
  }
}

/** Records the dispatch that adds all blocks' sums to c in order. */
function addUp(
  commands: Commands,
  { c, m, n, ldc, cFirst, accumulate, bias, partial, count }: BlockedProduct & { partial: Slice; count: number },
): void {
  const { kernel, width } = byWidth(reduce, n, ldc, cFirst);
  const lanes = commands.device.rowLanes;
  commands.dispatch(kernel, {
    buffers: { c, partial, bias: bias ?? partial },
    uniforms: {
      rows: m,
      columns: n / width,
      stride: ldc / width,
      blocks: count,
      accumulate: accumulate ? 1 : 0,
      add_bias: bias ? 1 : 0,
      first: cFirst / width,
    },
    workgroups: grid(commands.device, Math.ceil(m * n / width / lanes)),
    constants: { LANES: lanes },
  });
}
