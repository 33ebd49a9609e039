import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { Commands } from "../../../kernels/device/commands.ts";
import { Device } from "../../../kernels/device/device.ts";
import type { Slice } from "../../../kernels/device/slice.ts";
import {
  type Matmul,
  matmul,
  matmulBy,
  type MatmulMode,
  type MatmulPrecision,
  type MatmulVariant,
} from "../../../kernels/matmul/matmul.ts";
import type { Storage } from "../../../kernels/storage/storage.ts";
import { commands, device, guarded, randomF32, readF32, readU32, release } from "../../_shared/device.ts";
import { storeMatrix } from "../../_shared/stored_matrix.ts";

const MODES = ["NN", "NT", "TN"] as const;
const MARK = 77.25;

/** Of a sum's error, relative to the product of the norms of its row and its column. */
const BOUNDS = { float32x3: 2 ** -20, float16: 2 ** -10 } as const;
type Precision = keyof typeof BOUNDS;
const PRECISIONS = Object.keys(BOUNDS) as Precision[];

const hasMatrices = device.matrix !== null;
if (!hasMatrices) console.log("matmul on subgroup matrices: NOT RUN, the device has none of float16 with float32 sums");

/** A test of the device's subgroup matrices; there is none where it has none. */
function matrixTest(name: string, test: (t: Deno.TestContext) => Promise<void>): void {
  if (hasMatrices) Deno.test(name, test);
}

interface Case {
  m: number;
  n: number;
  k: number;
  /** Elements between a row's end and the next row, for a, b and c. */
  gaps?: readonly [a: number, b: number, c: number];
  /** Elements before the first of a, b and c. */
  firsts?: readonly [a: number, b: number, c: number];
  accumulate?: boolean;
  bias?: boolean;
  scale?: number;
  /** Whether b is stored in bf16. */
  bf16?: boolean;
}

interface Choice {
  variant: MatmulVariant;
  precision: Precision;
}

/** A matrix in a buffer: `first` elements of `gap`, and `gap` between its rows. */
function placed(
  values: Float32Array,
  { rows, columns, stride, first, gap = NaN }: {
    rows: number;
    columns: number;
    stride: number;
    first: number;
    gap?: number;
  },
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(first + (rows - 1) * stride + columns).fill(gap);
  for (let r = 0; r < rows; r++) out.set(values.subarray(r * columns, (r + 1) * columns), first + r * stride);
  return out;
}

/** Cuts each value to bf16 in place and returns them two to a word. */
function packBf16(values: Float32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < bits.length; i++) bits[i]! &= 0xffff0000;
  const words = new Uint32Array(Math.ceil(bits.length / 2));
  for (let i = 0; i < bits.length; i++) words[i >> 1]! |= i % 2 === 0 ? bits[i]! >>> 16 : bits[i]!;
  return words;
}

/** Element (i, q) of a, and element (q, j) of b. */
function pickers(
  mode: MatmulMode,
  { a, b, m, n, k }: { a: Float32Array; b: Float32Array; m: number; n: number; k: number },
) {
  return {
    aAt: (i: number, q: number): number => a[mode === "TN" ? q * m + i : i * k + q]!,
    bAt: (q: number, j: number): number => b[mode === "NT" ? j * k + q : q * n + j]!,
  };
}

/** The largest error of c relative to its bound's norms; both norms may be tiny. */
function worstError(
  mode: MatmulMode,
  { got, old, added, a, b, m, n, k, scale }: {
    got: (i: number, j: number) => number;
    old: (i: number, j: number) => number;
    added: (j: number) => number;
    a: Float32Array;
    b: Float32Array;
    m: number;
    n: number;
    k: number;
    scale: number;
  },
): number {
  const { aAt, bAt } = pickers(mode, { a, b, m, n, k });
  const norm = (at: (q: number) => number): number =>
    Math.sqrt(Array.from({ length: k }, (_, q) => at(q) ** 2).reduce((x, y) => x + y, 0));
  const rows = Array.from({ length: m }, (_, i) => norm((q) => aAt(i, q)));
  const columns = Array.from({ length: n }, (_, j) => norm((q) => bAt(q, j)));
  let worst = 0;
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let q = 0; q < k; q++) sum += aAt(i, q) * bAt(q, j);
      const expected = scale * sum + old(i, j) + added(j);
      // What float32 itself rounds where it is added, or below its normal numbers.
      const own = 2 ** -23 * (Math.abs(old(i, j)) + Math.abs(added(j)) + Math.abs(expected)) + 2 ** -126;
      const error = Math.max(0, Math.abs(got(i, j) - expected) - own);
      if (!(error >= 0)) return NaN;
      worst = Math.max(worst, error / (Math.abs(scale) * rows[i]! * columns[j]! + 2 ** -126));
    }
  }
  return worst;
}

async function run(
  mode: MatmulMode,
  { m, n, k, gaps = [0, 0, 0], firsts = [0, 0, 0], accumulate = false, bias = false, scale = 1, bf16 = false }: Case,
  { variant, precision }: Choice,
): Promise<void> {
  const [rowsA, columnsA] = mode === "TN" ? [k, m] : [m, k];
  const [rowsB, columnsB] = mode === "NT" ? [n, k] : [k, n];
  const [lda, ldb, ldc] = [columnsA + gaps[0], columnsB + gaps[1], n + gaps[2]];
  const a = randomF32(m * k, 1);
  const b = randomF32(k * n, 2);
  if (bf16) packBf16(b);
  const old = randomF32(m * n, 3);
  const added = randomF32(n, 4);
  const storedB = placed(b, { rows: rowsB, columns: columnsB, stride: ldb, first: firsts[1] });
  const buffers = {
    c: guarded(placed(old, { rows: m, columns: n, stride: ldc, first: firsts[2], gap: MARK })),
    a: guarded(placed(a, { rows: rowsA, columns: columnsA, stride: lda, first: firsts[0] })),
    b: guarded(bf16 ? packBf16(storedB) : storedB),
    bias: guarded(added),
  };
  const { bias: biasSlice, ...operands } = buffers;
  const call: Matmul = {
    ...{ mode, m, n, k, accumulate, scale, lda, ldb, ldc, precision, ...operands },
    ...{ aFirst: firsts[0], bFirst: firsts[1], cFirst: firsts[2], bType: bf16 ? "bf16" : "f32" },
    ...(bias ? { bias: biasSlice } : {}),
  };
  matmulBy(commands, variant, call);
  const c = await readF32(buffers.c);
  const error = worstError(mode, {
    got: (i, j) => c[firsts[2] + i * ldc + j]!,
    old: (i, j) => accumulate ? old[i * n + j]! : 0,
    added: (j) => bias ? added[j]! : 0,
    ...{ a, b, m, n, k, scale },
  });
  ok(error <= BOUNDS[precision], `${mode} ${m}x${n}x${k}: error is ${error}, expected at most ${BOUNDS[precision]}`);
  c.forEach((value, at) => {
    const [row, column] = [Math.floor((at - firsts[2]) / ldc), (at - firsts[2]) % ldc];
    if (row < 0 || column < 0 || column >= n) equal(value, MARK, `element ${at}, which is no number of c`);
  });
  release(...Object.values(buffers));
}

function describe({ m, n, k, gaps, firsts, accumulate, bias, scale, bf16 }: Case): string {
  return `${m}x${n}x${k}${gaps ? ` with gaps ${gaps}` : ""}${firsts ? ` from elements ${firsts} on` : ""}${
    accumulate ? " added to c" : ""
  }${bias ? " with bias" : ""}${scale ? ` times ${scale}` : ""}${bf16 ? " and bf16" : ""}`;
}

/** Of three texts: whole fours, these in a place, and single numbers in a place. */
const CASES: readonly Case[] = [
  { m: 68, n: 72, k: 132 },
  { m: 33, n: 40, k: 1100, gaps: [4, 8, 12], firsts: [8, 4, 12], accumulate: true, bias: true },
  { m: 5, n: 35, k: 67, gaps: [1, 3, 2], firsts: [3, 1, 5], scale: -1.5, accumulate: true },
  { m: 34, n: 35, k: 45, firsts: [1, 1, 1], bias: true },
  { m: 1, n: 1, k: 1, firsts: [1, 1, 1] },
];

for (const precision of PRECISIONS) {
  for (const mode of MODES) {
    matrixTest(`matmul() ${mode} in ${precision} matches float64 at all kinds of sizes`, async (t) => {
      for (const it of CASES) await t.step(describe(it), () => run(mode, it, { variant: "matrix16", precision }));
    });
  }

  matrixTest(`matmul() in ${precision} reads a bf16 b`, async (t) => {
    const cases = [
      ["NN", { m: 20, n: 38, k: 46, gaps: [1, 2, 0], firsts: [3, 2, 1], bf16: true, accumulate: true }],
      ["NT", { m: 9, n: 68, k: 132, bf16: true, bias: true }],
    ] as const;
    for (const [mode, it] of cases) {
      await t.step(`${mode} ${describe(it)}`, () => run(mode, it, { variant: "matrix16", precision }));
    }
  });
}

/** The words of c = a·b by a tile, with whole fours. */
async function product(
  mode: MatmulMode,
  { a, b, m, n, k, precision, variant, bType, scales }: {
    a: Slice;
    b: Slice;
    m: number;
    n: number;
    k: number;
    precision: MatmulPrecision;
    variant?: MatmulVariant;
    bType?: Storage;
    scales?: Slice;
  },
): Promise<Uint32Array<ArrayBuffer>> {
  const c = guarded(m * n);
  const call: Matmul = {
    ...{ mode, m, n, k, a, b, c, precision },
    ...(bType ? { bType } : {}),
    ...(scales ? { scales } : {}),
  };
  if (variant) matmulBy(commands, variant, call);
  else matmul(commands, call);
  const words = await readU32(c);
  release(c);
  return words;
}

matrixTest(
  "matmul() on subgroup matrices gives a row the same bits whatever m and the tile, and each time",
  async () => {
    const [m, n, k] = [40, 36, 1100];
    const sizes = {
      a: guarded(randomF32(m * k, 5)),
      b: guarded(randomF32(k * n, 6)),
      n,
      k,
      precision: "float32x3",
    } as const;
    const whole = await product("NN", { ...sizes, m, variant: "matrix16" });
    ok(new Float32Array(whole.buffer).every((value) => value !== 0 && Number.isFinite(value)));
    deepEqual(await product("NN", { ...sizes, m, variant: "matrix16" }), whole);
    deepEqual(await product("NN", { ...sizes, m: 5, variant: "matrix16" }), whole.slice(0, 5 * n));
    deepEqual(await product("NN", { ...sizes, m, variant: "matrix32" }), whole);
    deepEqual(await product("NN", { ...sizes, m }), whole);
    release(sizes.a, sizes.b);
  },
);

matrixTest("matmul() on subgroup matrices gives a stored b the bits of its numbers", async (t) => {
  const [m, n, k] = [20, 36, 128];
  const a = guarded(randomF32(m * k, 1));
  for (const bType of ["bf16", "int8", "int4"] as const) {
    await t.step(bType, async () => {
      const stored = storeMatrix(bType, randomF32(n * k, 2), { rows: n, columns: k });
      const [full, b] = [guarded(stored.values), guarded(stored.data)];
      const scales = stored.scales && guarded(stored.scales);
      const sizes = { a, m, n, k, variant: "matrix16", precision: "float32x3" } as const;
      deepEqual(
        await product("NT", { ...sizes, b, bType, ...(scales ? { scales } : {}) }),
        await product("NT", { ...sizes, b: full }),
      );
      release(full, b, ...(scales ? [scales] : []));
    });
  }
  release(a);
});

/** Rows whose largest numbers are those of `sizes` in turn. */
function ranged(
  rows: number,
  k: number,
  { sizes, seed }: { sizes: readonly number[]; seed: number },
): Float32Array<ArrayBuffer> {
  return randomF32(rows * k, seed).map((value, at) => value * sizes[Math.floor(at / k) % sizes.length]!);
}

for (const precision of PRECISIONS) {
  matrixTest(`matmul() NT in ${precision} loses nothing of rows from 1e-30 to 1e30`, async () => {
    const [m, n, k] = [20, 20, 132];
    const a = ranged(m, k, { sizes: [1e-30, 1e-8, 1, 1e15, 1e30], seed: 7 });
    const b = ranged(n, k, { sizes: [1e30, 1e5, 1, 1e-4, 1e-30], seed: 8 });
    const slices = { a: guarded(a), b: guarded(b) };
    const c = new Float32Array((await product("NT", { ...slices, m, n, k, variant: "matrix16", precision })).buffer);
    release(slices.a, slices.b);
    let worst = 0;
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let [sum, normA, normB] = [0, 0, 0];
        for (let q = 0; q < k; q++) {
          const [x, y] = [a[i * k + q]!, b[j * k + q]!];
          sum += x * y;
          normA += x ** 2;
          normB += y ** 2;
        }
        const bound = Math.sqrt(normA) * Math.sqrt(normB);
        const got = c[i * n + j]!;
        if (Math.abs(sum) > 3.4028235e38) equal(got, Math.sign(sum) * Infinity, `element ${i}, ${j}`);
        else if (bound > 2 ** -100) worst = Math.max(worst, Math.abs(got - sum) / bound);
        else ok(Math.abs(got - sum) <= 2 ** -126 + BOUNDS[precision] * bound, `element ${i}, ${j}`);
      }
    }
    ok(worst > 0 && worst <= BOUNDS[precision], `error is ${worst}, expected at most ${BOUNDS[precision]}`);
  });

  matrixTest(
    `matmul() NT in ${precision} gives what float32 gives for zeros, denormal numbers, infinities and NaN`,
    async () => {
      const [m, n, k] = [12, 12, 132];
      const a = randomF32(m * k, 9);
      const b = randomF32(n * k, 10);
      a.fill(0, 0, k);
      a.set([Infinity], k + 3);
      a.set([-Infinity, Infinity], 2 * k + 130);
      a.set([NaN], 3 * k + 131);
      a.fill(NaN, 4 * k, 5 * k);
      a.fill(2 ** -149, 5 * k, 6 * k);
      a.fill(2 ** -130, 6 * k, 7 * k);
      a.set([3.4e38], 7 * k);
      b.fill(0, 0, k);
      b.set([Infinity], k + 3);
      b.set([NaN], 2 * k);
      b.fill(2 ** 100, 3 * k, 4 * k);
      b.set([0], 4 * k + 3);
      const sizes = { a: guarded(a), b: guarded(b), m, n, k };
      const got = new Float32Array((await product("NT", { ...sizes, variant: "matrix16", precision })).buffer);
      const full = new Float32Array((await product("NT", { ...sizes, precision: "float32" })).buffer);
      release(sizes.a, sizes.b);
      let special = 0;
      full.forEach((expected, at) => {
        const [i, j] = [Math.floor(at / n), at % n];
        if (!Number.isFinite(expected)) special++;
        if (i === 7) return; // Partial sums overflow in float32.
        if (!Number.isFinite(expected) || expected === 0) return equal(got[at], expected, `element ${i}, ${j}`);
        let norms = 0;
        for (let q = 0; q < k; q++) norms += Math.abs(a[i * k + q]! * b[j * k + q]!);
        const [normA, normB] = [a.subarray(i * k, (i + 1) * k), b.subarray(j * k, (j + 1) * k)].map((row) =>
          Math.sqrt(row.reduce((sum, x) => sum + (Number.isFinite(x) ? x ** 2 : 0), 0))
        );
        const bound = BOUNDS[precision] * normA! * normB! + 2 ** -20 * norms + 2 ** -126;
        ok(Math.abs(got[at]! - expected) <= bound, `element ${i}, ${j} is ${got[at]}, expected ${expected}`);
      });
      ok(special > 3 * n, `${special} numbers are not finite`);
      ok(got.slice(7 * n).every((value, at) => Number.isNaN(value) === Number.isNaN(full[7 * n + at]!)));
    },
  );
}

Deno.test("matmul() refuses a precision that the tile or the device does not have", () => {
  const { gpu } = device;
  const without = new Commands(new Device(gpu, { info: {} as GPUAdapterInfo, family: "gpu", subgroupSize: 0 }));
  const slice = without.device.alloc(64 * 64 * 4, "test");
  const sizes = { mode: "NN", m: 64, n: 64, k: 64, a: slice, b: slice, c: slice } as const;
  throws(
    () => matmul(without, { ...sizes, precision: "float16" }),
    new RangeError("Cannot multiply in float16: the device has no subgroup matrices of float16 with sums in float32"),
  );
  throws(
    () => matmulBy(without, "matrix32", sizes),
    /tile is matrix32 for float32, expected one of broadcast32, .*, vector4$/,
  );
  throws(
    () => matmulBy(without, "shared64", { ...sizes, precision: "float32x3" }),
    /tile is shared64 for float32x3, expected one of matrix128, matrix64, matrix32, matrix16$/,
  );
  without.device.free(slice);
});
