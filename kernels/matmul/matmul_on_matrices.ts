/** Products on subgroup matrices: their dispatches. @module */
import { type Commands, grid } from "../device/commands.ts";
import { defineKernel, type Kernel } from "../device/kernel.ts";
import type { Slice } from "../device/slice.ts";
import { SUBGROUP_MATRIX, SUBGROUP_SIZE } from "../device/subgroup_matrix.ts";
import { type BlockRun, inBlocks } from "./matmul_blocks.ts";
import { BUSY, type MatmulSizes, tunedMatrix } from "./matmul_choice.ts";
import { exceptionsKernel, type Factors, linesOf } from "./matmul_factors.ts";
import { blockBytes, type Cuts, type HalvedFactors, halveFactors } from "./matmul_halves.ts";
import { matricesOf, matrixBindings, type MatrixShape, matrixText, matrixUniforms } from "./matmul_matrix.ts";
import { isMatrix, MATRIX_VARIANTS, type MatrixPrecision, matrixTile } from "./matmul_matrix_tile.ts";
import type { MatmulVariant } from "./matmul_tiles.ts";

/** A product: c = scale · op(a)·op(b) (+ c) (+ bias). */
export interface MatrixProduct extends Factors {
  c: Slice;
  ldc: number;
  cFirst: number;
  bias: Slice | undefined;
  scale: number;
  accumulate: boolean;
}

/** Records a product. Throws RangeError for a precision that the tile or the device does not have. */
export function matmulOnMatrices(
  commands: Commands,
  product: MatrixProduct,
  { sizes, precision, variant }: { sizes: MatmulSizes; precision: MatrixPrecision; variant: MatmulVariant | undefined },
): void {
  const { device } = commands;
  if (variant !== undefined && !isMatrix(variant)) {
    throw new RangeError(
      `Cannot multiply: tile is ${variant} for ${precision}, expected one of ${MATRIX_VARIANTS.join(", ")}`,
    );
  }
  const { mode, k } = product;
  const busy = BUSY[device.family];
  const asked = variant ?? tunedMatrix(device, sizes);
  const tile = matrixTile(device, { ...sizes, precision }, { asked, busy });
  const { shape: { tile: { rows, columns } } } = tile;
  const wanted = Math.ceil(k * Math.ceil(sizes.m / 64) * Math.ceil(sizes.n / 64) / busy / 64) * 64;
  // Matrix units may cut the sums' last digits off, which adds up along a block.
  const block = mode === "TN" ? Math.min(512, Math.max(128, wanted)) : 512;
  const cuts = cutsOf(tile.shape);
  const workgroups = [Math.ceil(product.m / rows), Math.ceil(product.n / columns)] as const;
  const blocked = { block, busy, tiles: workgroups[0] * workgroups[1], blockBytes: blockBytes(product, cuts, block) };
  inBlocks(commands, { ...product, ...blocked }, (run) => {
    const halved = halveFactors(commands, product, { cuts, block, first: run.first, count: run.count });
    multiply(commands, product, { run, halved, workgroups, ...tile, precision });
    addExceptions(commands, product, { run, exponents: halved.exponents, block });
  });
}

function cutsOf(shape: MatrixShape): Cuts {
  const { unit, lowA, lowB, steps } = shape;
  const { rows, columns } = matricesOf(shape);
  return {
    a: { lines: unit.m, depth: unit.k, band: rows, parts: lowA ? 2 : 1 },
    b: { lines: unit.n, depth: unit.k, band: columns, parts: lowB ? 2 : 1 },
    steps,
  };
}

function multiply(
  commands: Commands,
  { m, n, bias, scale }: MatrixProduct,
  { run, halved, workgroups, ...tile }: {
    run: BlockRun;
    halved: HalvedFactors;
    workgroups: readonly [number, number];
    variant: string;
    shape: MatrixShape;
    precision: MatrixPrecision;
  },
): void {
  const { c, ldc, cFirst, cBlock, count, accumulate, addBias } = run;
  const { a, b, powers, steps } = halved;
  const cVec = n % 4 === 0 && ldc % 4 === 0 && cFirst % 4 === 0;
  commands.dispatch(kernelFor(tile, cVec), {
    buffers: { c, a, b, powers, bias: bias ?? powers },
    uniforms: {
      ...{ m, n, ldc, steps, scale },
      c_first: cFirst,
      c_block: cBlock,
      accumulate: accumulate ? 1 : 0,
      add_bias: addBias ? 1 : 0,
    },
    workgroups: [...workgroups, count],
  });
}

/** Records the sums of what is not finite, which are added to c. */
export function addExceptions(
  commands: Commands,
  product: Omit<MatrixProduct, "bias">,
  { run, exponents, block }: {
    run: Pick<BlockRun, "c" | "ldc" | "cFirst" | "cBlock" | "first" | "count">;
    exponents: Slice;
    block: number;
  },
): void {
  const { m, n, k, bType, scale } = product;
  const { a, b } = linesOf(product);
  const { c, ldc, cFirst, cBlock, first, count } = run;
  const [x, y] = grid(commands.device, m + n);
  commands.dispatch(exceptionsKernel(bType), {
    buffers: { c, a: a.x, x: b.x, scales: b.scales, exponents },
    uniforms: {
      ...{ m, n, ldc, scale, k_block: block, c_first: cFirst, c_block: cBlock },
      k_first: first * block,
      k_last: Math.min(k, (first + count) * block),
      a_first: a.first,
      a_line: a.lineStep,
      a_step: a.kStep,
      b_first: b.first,
      b_line: b.lineStep,
      b_step: b.kStep,
    },
    workgroups: [x, y, count],
    constants: { LANES: commands.device.rowLanes },
  });
}

const kernels = new Map<string, Kernel<keyof typeof matrixBindings, typeof matrixUniforms>>();

function kernelFor(
  { variant, shape, precision }: { variant: string; shape: MatrixShape; precision: MatrixPrecision },
  cVec: boolean,
) {
  const { unit: { m, n, k, lanes, saysLanes }, lowA, lowB, steps } = shape;
  const of = `${m}x${n}x${k} by ${lanes} lanes${saysLanes ? "" : ", unsaid"}${steps > 1 ? `, ${steps} steps` : ""}`;
  const name = `matmul ${variant} ${precision} of ${of}${lowA && !lowB ? ", b of 16 bits" : ""}${cVec ? " cVec" : ""}`;
  let kernel = kernels.get(name);
  if (!kernel) {
    kernel = defineKernel({
      name,
      code: [{ name: "kernels/matmul/matmul_matrix.ts (generated)", text: matrixText(shape, cVec) }],
      bindings: matrixBindings,
      uniforms: matrixUniforms,
      requires: ["subgroups", "shader-f16", SUBGROUP_MATRIX, ...saysLanes ? [SUBGROUP_SIZE] as const : []],
    });
    kernels.set(name, kernel);
  }
  return kernel;
}
