/** Products of matrices in buffers with gaps and guard words, compared with float64. @module */
import { Commands } from "../../../kernels/device/commands.ts";
import { Device } from "../../../kernels/device/device.ts";
import { type Matmul, matmul, matmulBy, type MatmulMode, type MatmulVariant } from "../../../kernels/matmul/matmul.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { commands, device, guarded, randomF32, readF32, release } from "../../_shared/device.ts";

const MARK = 77.25;

/** A recorder on the same device, as if it were a real GPU. */
export const asGpu: Commands = new Commands(
  new Device(device.gpu, { info: device.info, family: "gpu", subgroupSize: 0 }),
);

/** Records a product by a tile, or by the one that is chosen for it. */
export function record(recorder: Commands, variant: MatmulVariant | undefined, call: Matmul): void {
  if (variant) matmulBy(recorder, variant, call);
  else matmul(recorder, call);
}

/** The tile that is asked for, and who records it. */
export interface Choice {
  variant?: MatmulVariant;
  recorder?: Commands;
}

/** A product and where its operands are. */
export interface Case {
  m: number;
  n: number;
  k: number;
  /** Elements between a row's end and the next row, for a, b and c. */
  gaps?: readonly [a: number, b: number, c: number];
  accumulate?: boolean;
  bias?: boolean;
  bType?: "f32" | "bf16";
  /** Elements before the first of a, b and c. */
  firsts?: readonly [a: number, b: number, c: number];
  scale?: number;
}

/** A matrix stored with NaN, or `gap`, between its rows, and after the last where it is `whole`. */
export function stored(
  rows: number,
  columns: number,
  { stride, seed, gap = NaN, whole = false }: { stride: number; seed: number; gap?: number; whole?: boolean },
): Float32Array<ArrayBuffer> {
  const values = randomF32(rows * columns, seed);
  const out = new Float32Array(whole ? rows * stride : (rows - 1) * stride + columns).fill(gap);
  for (let r = 0; r < rows; r++) out.set(values.subarray(r * columns, (r + 1) * columns), r * stride);
  return out;
}

/** Cuts each value to bf16 in place and returns them two to a word, the lower half first. */
export function packBf16(values: Float32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < bits.length; i++) bits[i]! &= 0xffff0000;
  const words = new Uint32Array(Math.ceil(bits.length / 2));
  for (let i = 0; i < bits.length; i++) words[i >> 1]! |= i % 2 === 0 ? bits[i]! >>> 16 : bits[i]!;
  return words;
}

/** Computes a product and compares it with float64. */
export async function run(
  mode: MatmulMode,
  { m, n, k, gaps = [0, 0, 0], accumulate = false, bias = false, bType = "f32", firsts = [0, 0, 0], scale = 1 }: Case,
  { variant, recorder = commands }: Choice,
): Promise<void> {
  const [rowsA, columnsA] = mode === "TN" ? [k, m] : [m, k];
  const [rowsB, columnsB] = mode === "NT" ? [n, k] : [k, n];
  const [lda, ldb, ldc] = [columnsA + gaps[0], columnsB + gaps[1], n + gaps[2]];
  const a = stored(rowsA, columnsA, { stride: lda, seed: 1 });
  // Eight at once are read only where the buffer holds the last row's eights.
  const b = stored(rowsB, columnsB, { stride: ldb, seed: 2, whole: bType === "bf16" && ldb % 8 === 0 });
  const old = stored(m, n, { stride: ldc, seed: 3, gap: MARK });
  const added = randomF32(n, 4);
  const after = (first: number, values: Float32Array<ArrayBuffer>, gap = NaN): Float32Array<ArrayBuffer> =>
    Float32Array.from([...Array<number>(first).fill(gap), ...values]);
  // Cutting to bf16 changes b in place, so that the expected product is that of the cut values.
  const words = bType === "bf16" ? packBf16(b) : after(firsts[1], b);
  const buffers = {
    c: guarded(after(firsts[2], old, MARK)),
    a: guarded(after(firsts[0], a)),
    b: guarded(words),
    bias: guarded(added),
  };
  const { bias: biasSlice, ...operands } = buffers;
  record(recorder, variant, {
    ...{ mode, m, n, k, accumulate, bType, ...operands },
    ...(bias ? { bias: biasSlice } : {}),
    ...(gaps.some((gap) => gap > 0) ? { lda, ldb, ldc } : {}),
    ...(firsts.some((first) => first > 0) && { aFirst: firsts[0], bFirst: firsts[1], cFirst: firsts[2] }),
    scale,
  });
  recorder.submit();
  const expected = Float64Array.from(old);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let q = 0; q < k; q++) {
        sum += a[mode === "TN" ? q * lda + i : i * lda + q]! * b[mode === "NT" ? j * ldb + q : q * ldb + j]!;
      }
      expected[i * ldc + j] = scale * sum + (accumulate ? old[i * ldc + j]! : 0) + (bias ? added[j]! : 0);
    }
  }
  assertClose(await readF32(buffers.c), after(firsts[2], Float32Array.from(expected), MARK), {
    rtol: 1e-5,
    atol: Math.abs(scale) * 1e-6 * Math.sqrt(k) + 1e-6,
    label: mode,
  });
  release(...Object.values(buffers));
}

/** The case in words. */
export function describe({ m, n, k, gaps, accumulate, bias, bType, firsts, scale }: Case): string {
  return `${m}x${n}x${k}${gaps ? ` with gaps ${gaps}` : ""}${accumulate ? " added to c" : ""}${
    bias ? " with bias" : ""
  }${bType ? ` and ${bType}` : ""}${firsts ? ` from elements ${firsts} on` : ""}${scale ? ` times ${scale}` : ""}`;
}

/** Sizes that fill tiles and do not, with gaps, bias and what is added to. */
export const CASES: readonly Case[] = [
  { m: 68, n: 136, k: 132 },
  { m: 68, n: 136, k: 132, gaps: [4, 8, 12], accumulate: true, bias: true },
  { m: 9, n: 68, k: 1100, accumulate: true, bias: true },
  { m: 130, n: 67, k: 45, bias: true },
  { m: 1, n: 1, k: 1 },
  { m: 1, n: 131, k: 2092, gaps: [0, 0, 5], bias: true },
  { m: 5, n: 35, k: 67, gaps: [1, 3, 2], accumulate: true },
];

/** Products at places, with a scale. */
export const PLACED: readonly Case[] = [
  { m: 68, n: 136, k: 16, gaps: [32, 0, 64], firsts: [16, 32, 24], scale: 0.25, accumulate: true },
  { m: 33, n: 8, k: 1100, gaps: [4, 8, 12], firsts: [8, 4, 12], scale: 2 },
  { m: 9, n: 7, k: 1100, firsts: [3, 1, 5], scale: -1.5, accumulate: true, bias: true },
  { m: 5, n: 35, k: 3, gaps: [1, 3, 2], firsts: [0, 6, 0], scale: 1 },
];

/** Products with a b in bf16. */
export const bf16Cases = (mode: "NN" | "NT"): readonly Case[] => [
  { m: 9, n: 68, k: 132, bType: "bf16", bias: true },
  { m: 70, n: 38, k: 46, gaps: [1, 2, 0], bType: "bf16", accumulate: true },
  // b is read eight at once: whole eights, half of one at the end, and a rest.
  { m: 20, n: 72, k: 136, bType: "bf16" },
  { m: 20, n: 76, k: 132, gaps: [4, 4, 0], bType: "bf16" },
  { m: 9, n: 69, k: 139, gaps: [1, mode === "NT" ? 5 : 3, 0], bType: "bf16", accumulate: true },
];
