/** The dispatches of a product in float32. @module */
import type { Commands } from "../device/commands.ts";
import { type Access, defineKernel, type Kernel } from "../device/kernel.ts";
import type { Image, Slice } from "../device/slice.ts";
import { inBlocks } from "./matmul_blocks.ts";
import type { MatmulPlan } from "./matmul_plan.ts";
import { type MatmulAccess, type MatmulBinding, matmulBindings, matmulUniforms } from "./matmul_text.ts";

/** A product with its plan. */
export interface MatmulDispatch {
  plan: MatmulPlan;
  access: MatmulAccess;
  /** Output; overwritten, or added to if `accumulate`. */
  c: Slice;
  a: Slice | Image;
  b: Slice | Image;
  /** Added to every row of c. */
  bias: Slice | undefined;
  /** What is bound where there is no bias, and not read: any buffer but c. */
  other: Slice;
  /** Of a quantized b. */
  scales: Slice | undefined;
  /** Sizes of c, the other way round if it is turned. */
  m: number;
  n: number;
  k: number;
  lda: number;
  ldb: number;
  ldc: number;
  aFirst: number;
  bFirst: number;
  cFirst: number;
  scale: number;
  accumulate: boolean;
}

/** A kernel has those of the buffers that its access names. */
type MatmulKernel = Kernel<MatmulBinding, typeof matmulUniforms>;

const kernels = new Map<string, MatmulKernel>();

/** Records a product's dispatches. */
export function dispatchMatmul(commands: Commands, call: MatmulDispatch): void {
  const { plan, access, a, b, bias, other, scales, m, n, k, lda, ldb, aFirst, bFirst, scale } = call;
  const grid = [Math.ceil(m / plan.rows), Math.ceil(n / plan.columns)] as const;
  const [rows, columns] = access.turned ? [n, m] : [m, n];
  const product = { ...call, m: rows, n: columns, block: plan.block, busy: plan.busy, tiles: grid[0] * grid[1] };
  inBlocks(commands, product, ({ c, ldc, cFirst, cBlock, first, count, accumulate, addBias, isPartial }) => {
    const cVec = isPartial ? plan.writesFour && columns % 4 === 0 : access.cVec;
    commands.dispatch(kernelFor(plan, { ...access, cVec }), {
      // Dispatches take the buffers that the kernel names.
      buffers: { c, a, b, bias: bias ?? other, scales: scales! },
      uniforms: {
        ...{ m, n, lda, ldb, ldc, a_first: aFirst, b_first: bFirst, scale },
        k_first: first * plan.block,
        k_last: Math.min(k, (first + count) * plan.block),
        k_block: plan.block,
        c_block: cBlock,
        c_first: cFirst,
        accumulate: accumulate ? 1 : 0,
        add_bias: addBias ? 1 : 0,
        a_line: lineOf(a),
        b_line: lineOf(b),
      },
      workgroups: isPartial ? [...grid, count] : grid,
    });
  });
}

/** The binary logarithm of the texels of an image's line; 0 of a buffer. */
function lineOf(operand: Slice | Image): number {
  return "width" in operand ? Math.log2(operand.width) : 0;
}

/** The kernel of a tile and an access. */
function kernelFor(plan: MatmulPlan, access: MatmulAccess): MatmulKernel {
  const key = `${plan.key} ${Object.values(access).join()}`;
  let kernel = kernels.get(key);
  if (!kernel) {
    kernel = defineKernel({
      name: `matmul ${plan.key} ${describeAccess(access)}`,
      code: [plan.source(access)],
      bindings: bindingsOf(access),
      uniforms: matmulUniforms,
      requires: plan.requires,
    });
    kernels.set(key, kernel);
  }
  return kernel;
}

function bindingsOf(access: MatmulAccess): Record<MatmulBinding, Access> {
  const how = {
    c: "readWrite",
    a: access.aImage ? "rgba32float" : "read",
    b: !access.bImage ? "read" : access.bType === "f32" ? "rgba32float" : "rgba32uint",
    bias: "read",
    scales: "read",
  } as const;
  return Object.fromEntries(matmulBindings(access).map((name) => [name, how[name]])) as typeof how;
}

/** The access in words, for errors and profiles: the mode, the type of b, and the flags that are set. */
function describeAccess({ mode, bType, levels: _, ...flags }: MatmulAccess): string {
  const set = Object.entries(flags).filter(([, value]) => value).map(([name]) => name);
  return [mode, bType, ...set].join(" ");
}
