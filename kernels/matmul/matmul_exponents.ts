/** The largest exponents of a product's rows and columns, by which they are scaled into float16's range. @module */
import source from "./matmul_exponents.wgsl" with { type: "text" };
import { type Commands, grid } from "../device/commands.ts";
import { INVOCATION } from "../device/invocation.ts";
import { defineKernel, type Kernel } from "../device/kernel.ts";
import type { Slice } from "../device/slice.ts";
import type { Storage } from "../storage/storage.ts";
import { readerPart } from "../storage/storage_text.ts";
import { type Blocks, type Factors, type Lines, linesOf } from "./matmul_factors.ts";
import { exponentsOf } from "./matmul_scratch.ts";

const UNIFORMS = {
  lines: "u32",
  k_first: "u32",
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

/**
 * Records the exponents of a's rows and b's columns over each of some blocks of k: u32 [count, m + n], the recorder's own
 * until the next call.
 */
export function matmulExponents(commands: Commands, factors: Factors, blocks: Blocks): Slice {
  const { m, n, k } = factors;
  const out = exponentsOf(commands, blocks.count * (m + n) * 4);
  const { a, b } = linesOf(factors);
  const shared = { ...blocks, out, k, perBlock: m + n };
  record(commands, a, { ...shared, outFirst: 0 });
  record(commands, b, { ...shared, outFirst: m });
  return out;
}

function record(
  commands: Commands,
  { x, scales, storage, lines, ...place }: Lines,
  { out, k, block, first, count, perBlock, outFirst }: Blocks & {
    out: Slice;
    k: number;
    perBlock: number;
    outFirst: number;
  },
): void {
  const { device } = commands;
  const lanes = device.rowLanes;
  const across = place.kStep === 1 ? 1 : Math.min(ACROSS, lanes);
  const [columns, rows] = grid(device, Math.ceil(lines / across));
  commands.dispatch(kernelFor(storage), {
    buffers: { out, x, scales },
    uniforms: {
      lines,
      k_first: first * block,
      k,
      k_block: block,
      first: place.first,
      line_step: place.lineStep,
      k_step: place.kStep,
      out_first: outFirst,
      out_block: perBlock,
    },
    workgroups: [columns, rows, count],
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
