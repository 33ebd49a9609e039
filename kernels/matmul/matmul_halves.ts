/** A product's factors in float16, scaled and in the order in which matrix units read them. @module */
import { type Commands, grid } from "../device/commands.ts";
import type { Slice } from "../device/slice.ts";
import { matmulExponents } from "./matmul_exponents.ts";
import { type Blocks, type Factors, halvesKernel, type Lines, linesOf } from "./matmul_factors.ts";
import { halvesOf, powersOf } from "./matmul_scratch.ts";

/** How a factor is cut into matrices. */
export interface Cut {
  /** Lines of a matrix, and its length along k. */
  lines: number;
  depth: number;
  /** Matrices below each other that are read together. */
  band: number;
  /** 2 with a low part. */
  parts: number;
}

/** How both are, and the steps of k of which there are to be a multiple. */
export interface Cuts {
  a: Cut;
  b: Cut;
  steps: number;
}

/** The factors in float16. */
export interface HalvedFactors {
  /** The largest exponents of a's rows and b's columns: u32 [count, m + n]. */
  exponents: Slice;
  /** What undoes the scales, in two factors: vec2f [count, m + n]. */
  powers: Slice;
  /** f16 [count, bands, steps, band, parts, lines, depth] of a's rows. */
  a: Slice;
  /** As `a`, of b's columns. */
  b: Slice;
  /** Matrices along a block of k. */
  steps: number;
}

function stepsOf(length: number, { a: { depth }, steps }: Cuts): number {
  return Math.max(1, Math.ceil(length / depth / steps)) * steps;
}

/** Bytes of all lines' halves in one step of k. */
function stepBytes(count: number, { lines, depth, band, parts }: Cut): number {
  return 2 * Math.ceil(count / (lines * band)) * lines * band * depth * parts;
}

/** Bytes of a block's halves. */
export function blockBytes({ m, n, k }: Pick<Factors, "m" | "n" | "k">, cuts: Cuts, block: number): number {
  return stepsOf(Math.min(k, block), cuts) * (stepBytes(m, cuts.a) + stepBytes(n, cuts.b));
}

/**
 * Records the scaling and rounding of some blocks of both factors into buffers that are the recorder's own until the next
 * call.
 */
export function halveFactors(
  commands: Commands,
  factors: Factors,
  { cuts, ...blocks }: Blocks & { cuts: Cuts },
): HalvedFactors {
  const { m, n, k } = factors;
  const { block, first, count } = blocks;
  const kFirst = first * block;
  const steps = stepsOf(Math.min(block, k - kFirst), cuts);
  const exponents = matmulExponents(commands, factors, blocks);
  const powers = powersOf(commands, 8 * count * (m + n));
  const { a, b } = linesOf(factors);
  const [halvesA, halvesB] = [
    halvesOf(commands, "a", count * steps * stepBytes(m, cuts.a)),
    halvesOf(commands, "b", count * steps * stepBytes(n, cuts.b)),
  ];
  const shared = { exponents, powers, blocks, steps, kLast: Math.min(k, kFirst + count * block), perBlock: m + n };
  record(commands, a, { ...shared, out: halvesA, cut: cuts.a, foundFirst: 0 });
  record(commands, b, { ...shared, out: halvesB, cut: cuts.b, foundFirst: m });
  return { exponents, powers, a: halvesA, b: halvesB, steps };
}

interface Halves {
  out: Slice;
  exponents: Slice;
  powers: Slice;
  cut: Cut;
  blocks: Blocks;
  steps: number;
  kLast: number;
  perBlock: number;
  foundFirst: number;
}

function record(commands: Commands, { x, scales, storage, lines, ...place }: Lines, halves: Halves): void {
  const { out, exponents, powers, cut, blocks: { block, first, count }, steps, kLast, perBlock, foundFirst } = halves;
  const lanes = commands.device.rowLanes;
  const fours = steps * stepBytes(lines, { ...cut, parts: 1 }) / 8;
  commands.dispatch(halvesKernel(storage), {
    buffers: { out, powers, x, scales, exponents },
    uniforms: {
      lines,
      k_first: first * block,
      k_last: kLast,
      k_block: block,
      first: place.first,
      line_step: place.lineStep,
      k_step: place.kStep,
      found_first: foundFirst,
      found_block: perBlock,
      steps,
    },
    workgroups: [...grid(commands.device, Math.ceil(fours / lanes)).slice(0, 2) as [number, number], count],
    constants: { LANES: lanes, LINES: cut.lines, DEPTH: cut.depth, BAND: cut.band, PARTS: cut.parts },
  });
}
