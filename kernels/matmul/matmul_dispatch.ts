/** The dispatches of one product: its blocks of k one after another, or side by side. @module */
import reduceSource from "./matmul_reduce.wgsl" with { type: "text" };
import { type Commands, grid } from "../device/commands.ts";
import { INVOCATION } from "../device/invocation.ts";
import { type Access, defineKernel, type Kernel } from "../device/kernel.ts";
import type { Image, Slice } from "../device/slice.ts";
import { byWidth, defineWidths } from "../vector.ts";
import type { MatmulPlan } from "./matmul_plan.ts";
import { scratchOf } from "./matmul_scratch.ts";
import { type MatmulAccess, type MatmulBinding, matmulBindings, matmulUniforms } from "./matmul_text.ts";

/** The most bytes of partial sums. */
const SCRATCH_BYTES = 32 * 1024 * 1024;

/** A product with its plan. */
export interface MatmulDispatch {
  plan: MatmulPlan;
  access: MatmulAccess;
  /** Output; overwritten, or added to if `accumulate`. */
  c: Slice;
  a: Slice | Image;
  b: Slice | Image;
  /** Added to every row of c if `addBias`; else any buffer but c, which is bound but not read. */
  bias: Slice;
  addBias: boolean;
  /** Of a quantized b. */
  scales: Slice | undefined;
  /** Of a scaled text, the exponents of a's rows and b's columns. */
  exponents: Slice | undefined;
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

/** Records a product's dispatches: side by side if its tiles do not keep the device busy. c is the same either way. */
export function dispatchMatmul(commands: Commands, call: MatmulDispatch): void {
  const { plan, m, n, k } = call;
  const tiles = Math.ceil(m / plan.rows) * Math.ceil(n / plan.columns);
  const blocks = Math.max(1, Math.ceil(k / plan.block));
  const sideBySide = blocks > 1 && tiles < plan.busy && blocks * m * n * 4 <= SCRATCH_BYTES;
  if (sideBySide) dispatchSideBySide(commands, call, blocks);
  else dispatchInTurn(commands, call, blocks);
}

/** Records a dispatch for each block of k, which adds its sum to c. */
function dispatchInTurn(commands: Commands, call: MatmulDispatch, blocks: number): void {
  const { plan, access, c, k, ldc, accumulate, addBias } = call;
  const kernel = kernelFor(plan, access);
  for (let block = 0; block < blocks; block++) {
    commands.dispatch(kernel, {
      buffers: buffersOf(call, c),
      uniforms: {
        ...sizesOf(call),
        ldc,
        k_first: block * plan.block,
        k_last: Math.min(k, (block + 1) * plan.block),
        c_block: 0,
        c_first: call.cFirst,
        accumulate: accumulate || block > 0 ? 1 : 0,
        add_bias: addBias && block === blocks - 1 ? 1 : 0,
      },
      workgroups: gridOf(call),
    });
  }
}

/** Records one dispatch that sums all blocks of k into scratch, and one that adds these sums to c in order. */
function dispatchSideBySide(commands: Commands, call: MatmulDispatch, blocks: number): void {
  const { plan, access, c, bias, k, ldc, cFirst, accumulate, addBias } = call;
  const [m, n] = access.turned ? [call.n, call.m] : [call.m, call.n];
  const partial = scratchOf(commands, blocks * m * n * 4);
  commands.dispatch(kernelFor(plan, { ...access, cVec: plan.writesFour && n % 4 === 0 }), {
    buffers: buffersOf(call, partial),
    uniforms: {
      ...sizesOf(call),
      ldc: n,
      k_first: 0,
      k_last: k,
      c_block: m * n,
      c_first: 0,
      accumulate: 0,
      add_bias: 0,
    },
    workgroups: [...gridOf(call), blocks],
  });
  const { kernel, width } = byWidth(reduce, n, ldc, cFirst);
  const lanes = commands.device.rowLanes;
  commands.dispatch(kernel, {
    buffers: { c, partial, bias: addBias ? bias : partial },
    uniforms: {
      rows: m,
      columns: n / width,
      stride: ldc / width,
      blocks,
      accumulate: accumulate ? 1 : 0,
      add_bias: addBias ? 1 : 0,
      first: cFirst / width,
    },
    workgroups: grid(commands.device, Math.ceil(m * n / width / lanes)),
    constants: { LANES: lanes },
  });
}

function buffersOf({ a, b, bias, scales, exponents }: MatmulDispatch, c: Slice) {
  // Dispatches take the buffers that the kernel names.
  return { c, a, b, bias, scales: scales!, exponents: exponents! };
}

function sizesOf(
  { plan, m, n, lda, ldb, aFirst, bFirst, scale }: MatmulDispatch,
): Record<"m" | "n" | "lda" | "ldb" | "k_block" | "a_first" | "b_first" | "scale", number> {
  return { m, n, lda, ldb, k_block: plan.block, a_first: aFirst, b_first: bFirst, scale };
}

function gridOf({ plan, m, n }: MatmulDispatch): readonly [number, number] {
  return [Math.ceil(m / plan.rows), Math.ceil(n / plan.columns)];
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
    exponents: "read",
  } as const;
  return Object.fromEntries(matmulBindings(access).map((name) => [name, how[name]])) as typeof how;
}

/** The access in words, for errors and profiles: the mode, the type of b, and the flags that are set. */
function describeAccess({ mode, bType, levels: _, ...flags }: MatmulAccess): string {
  const set = Object.entries(flags).filter(([, value]) => value).map(([name]) => name);
  return [mode, bType, ...set].join(" ");
}
