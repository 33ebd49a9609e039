/** The largest exponents of a product's rows and columns, by which they are scaled into float16's range. @module */
import source from "./matmul_exponents.wgsl" with { type: "text" };
import { type Commands, grid } from "../device/commands.ts";
import { INVOCATION } from "../device/invocation.ts";
import { defineKernel, type Kernel } from "../device/kernel.ts";
import type { Slice } from "../device/slice.ts";
import type { Storage } from "../storage/storage.ts";
import { readerPart } from "../storage/storage_text.ts";
import type { MatmulLayout } from "./matmul_access.ts";
import { exponentsOf } from "./matmul_scratch.ts";
import type { MatmulMode } from "./matmul_text.ts";

const UNIFORMS = {
  lines: "u32",
  k: "u32",
  k_block: "u32",
  first: "u32",
  line_step: "u32",
  k_step: "u32",
  out_first: "u32",
  out_block: "u32",
} as const;

/** Neighbouring lanes that read neighbours where these lie across k. */
const ACROSS = 16;

const kernels = new Map<Storage, Kernel<"out" | "x" | "scales", typeof UNIFORMS>>();

/** A product's factors and sizes. */
export interface Factors extends Omit<MatmulLayout, "ldc" | "cFirst"> {
  mode: MatmulMode;
  m: number;
  n: number;
  k: number;
  bType: Storage;
  scales: Slice | undefined;
}

/**
 * Records the exponents of a's rows and b's columns over each block of k: u32 [blocks, m + n], the recorder's own until the
 * next call.
 */
export function matmulExponents(commands: Commands, factors: Factors, block: number): Slice {
  const { mode, a, b, m, n, k, bType, lda, ldb, aFirst, bFirst, scales } = factors;
  const blocks = Math.max(1, Math.ceil(k / block));
  const out = exponentsOf(commands, blocks * (m + n) * 4);
  const shared = { out, k, block, blocks, perBlock: m + n };
  record(commands, {
    ...shared,
    x: a,
    scales: a,
    storage: "f32",
    lines: m,
    ld: lda,
    along: mode !== "TN",
    first: aFirst,
  });
  record(commands, {
    ...{ ...shared, x: b, scales: scales ?? b, storage: bType, lines: n, ld: ldb, along: mode === "NT", first: bFirst },
    outFirst: m,
  });
  return out;
}

interface Lines {
  out: Slice;
  x: Slice;
  scales: Slice;
  storage: Storage;
  lines: number;
  k: number;
  block: number;
  blocks: number;
  perBlock: number;
  ld: number;
  /** Whether k's neighbours are neighbours in x. */
  along: boolean;
  first: number;
  outFirst?: number;
}

function record(
  commands: Commands,
  { out, x, scales, storage, lines, k, block, blocks, perBlock, ld, along, first, outFirst = 0 }: Lines,
): void {
  const { device } = commands;
  const lanes = device.rowLanes;
  const across = along ? 1 : Math.min(ACROSS, lanes);
  const [columns, rows] = grid(device, Math.ceil(lines / across));
  commands.dispatch(kernelFor(storage), {
    buffers: { out, x, scales },
    uniforms: {
      lines,
      k,
      k_block: block,
      first,
      line_step: along ? ld : 1,
      k_step: along ? 1 : ld,
      out_first: outFirst,
      out_block: perBlock,
    },
    workgroups: [columns, rows, blocks],
    constants: { LANES: lanes, ACROSS: across },
  });
}

function kernelFor(storage: Storage) {
  let kernel = kernels.get(storage);
  if (!kernel) {
    kernel = defineKernel({
      name: `matmul_exponents ${storage}`,
      code: [readerPart(storage), INVOCATION, { name: "kernels/matmul/matmul_exponents.wgsl", text: source }],
      bindings: { out: "readWrite", x: "read", scales: "read" },
      uniforms: UNIFORMS,
    });
    kernels.set(storage, kernel);
  }
  return kernel;
}
