/** The factors of a product on matrix units, and the kernels that read them as they are stored. @module */
import exceptionsSource from "./matmul_exceptions.wgsl" with { type: "text" };
import halvesSource from "./matmul_halves.wgsl" with { type: "text" };
import { FLOAT16 } from "../device/float16.ts";
import { INVOCATION } from "../device/invocation.ts";
import { type Access, defineKernel, type Kernel } from "../device/kernel.ts";
import type { Slice } from "../device/slice.ts";
import type { SourcePart } from "../device/source.ts";
import type { UniformFields } from "../device/uniform.ts";
import type { Storage } from "../storage/storage.ts";
import { readerPart } from "../storage/storage_text.ts";
import type { MatmulLayout } from "./matmul_access.ts";
import type { MatmulMode } from "./matmul_text.ts";

/** A product's factors and sizes. */
export interface Factors extends Omit<MatmulLayout, "ldc" | "cFirst"> {
  mode: MatmulMode;
  m: number;
  n: number;
  k: number;
  bType: Storage;
  scales: Slice | undefined;
}

/** Some blocks of k. */
export interface Blocks {
  /** Length of a block. */
  block: number;
  /** The first, and how many. */
  first: number;
  count: number;
}

/** Where the lines of a factor lie: rows of a, or columns of b. */
export interface Lines {
  x: Slice;
  scales: Slice;
  storage: Storage;
  lines: number;
  /** Its first element, and elements from one line to the next, and from one k to the next. */
  first: number;
  lineStep: number;
  kStep: number;
}

/** The lines of both factors. */
export function linesOf(factors: Factors): { a: Lines; b: Lines } {
  const { mode, a, b, m, n, bType, lda, ldb, aFirst, bFirst, scales } = factors;
  const steps = (along: boolean, ld: number): Pick<Lines, "lineStep" | "kStep"> =>
    along ? { lineStep: ld, kStep: 1 } : { lineStep: 1, kStep: ld };
  return {
    a: { x: a, scales: a, storage: "f32", lines: m, first: aFirst, ...steps(mode !== "TN", lda) },
    b: { x: b, scales: scales ?? b, storage: bType, lines: n, first: bFirst, ...steps(mode === "NT", ldb) },
  };
}

/** A kernel for each way of storing `x`. */
function byStorage<const B extends string, const U extends UniformFields>(
  name: string,
  { parts, bindings, uniforms }: { parts: readonly SourcePart[]; bindings: Readonly<Record<B, Access>>; uniforms: U },
): (storage: Storage) => Kernel<B, U> {
  const kernels = new Map<Storage, Kernel<B, U>>();
  return (storage) => {
    let kernel = kernels.get(storage);
    if (!kernel) {
      const code = [readerPart(storage), ...parts];
      kernels.set(storage, kernel = defineKernel({ name: `${name} ${storage}`, code, bindings, uniforms }));
    }
    return kernel;
  };
}

export const halvesKernel = byStorage("matmul_halves", {
  parts: [FLOAT16, INVOCATION, { name: "kernels/matmul/matmul_halves.wgsl", text: halvesSource }],
  bindings: { out: "readWrite", powers: "readWrite", x: "read", scales: "read", exponents: "read" },
  uniforms: {
    lines: "u32",
    k_first: "u32",
    k_last: "u32",
    k_block: "u32",
    first: "u32",
    line_step: "u32",
    k_step: "u32",
    found_first: "u32",
    found_block: "u32",
    steps: "u32",
  },
});

export const exceptionsKernel = byStorage("matmul_exceptions", {
  parts: [INVOCATION, { name: "kernels/matmul/matmul_exceptions.wgsl", text: exceptionsSource }],
  bindings: { c: "readWrite", a: "read", x: "read", scales: "read", exponents: "read" },
  uniforms: {
    m: "u32",
    n: "u32",
    k_first: "u32",
    k_last: "u32",
    k_block: "u32",
    a_first: "u32",
    a_line: "u32",
    a_step: "u32",
    b_first: "u32",
    b_line: "u32",
    b_step: "u32",
    c_first: "u32",
    c_block: "u32",
    ldc: "u32",
    scale: "f32",
  },
});
