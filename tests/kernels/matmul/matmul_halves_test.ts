import { deepEqual, equal, ok } from "node:assert/strict";
import type { Factors } from "../../../kernels/matmul/matmul_factors.ts";
import { type Cut, halveFactors } from "../../../kernels/matmul/matmul_halves.ts";
import { addExceptions, type MatrixProduct } from "../../../kernels/matmul/matmul_on_matrices.ts";
import { commands, guarded, randomF32, readF32, readU32, release } from "../../_shared/device.ts";
import { storeMatrix } from "../../_shared/stored_matrix.ts";

const [M, N, K, BLOCK] = [37, 21, 150, 56];
const CUTS = {
  a: { lines: 8, depth: 16, band: 2, parts: 2 },
  b: { lines: 16, depth: 16, band: 1, parts: 1 },
  steps: 2,
} as const;

/** The two numbers of float16 in each word. */
function halvesOf(words: Uint32Array<ArrayBuffer>): Float16Array {
  return new Float16Array(words.buffer);
}

/** Line `line` of a factor at k, which begins `first` elements in, with a gap between its stored rows. */
interface Placed {
  values: Float32Array;
  stored: Float32Array<ArrayBuffer>;
  ld: number;
}

function placed(values: Float32Array, lines: number, { along, first }: { along: boolean; first: number }): Placed {
  const ld = (along ? K : lines) + 2;
  const stored = new Float32Array(first + (along ? lines : K) * ld).fill(NaN);
  values.forEach((value, at) => {
    const [line, k] = [Math.floor(at / K), at % K];
    stored[first + (along ? line * ld + k : k * ld + line)] = value;
  });
  return { values, stored, ld };
}

/** Checks the halves of a factor's blocks from the second on against its values. */
function checkHalves(
  halves: Float16Array,
  { values, lines, powers, cut }: { values: Float32Array; lines: number; powers: Float32Array; cut: Cut },
): void {
  const { lines: size, depth, band, parts } = cut;
  const steps = 4;
  const bands = Math.ceil(lines / size / band);
  let worst = 0;
  for (let z = 0; z < 2; z++) {
    for (let line = 0; line < bands * band * size; line++) {
      const matrix = Math.floor(line / size);
      for (let k = 0; k < steps * depth; k++) {
        const step = (z * bands + Math.floor(matrix / band)) * steps + Math.floor(k / depth);
        const at = ((step * band + matrix % band) * parts * size + line % size) * depth + k % depth;
        const [high, low] = [halves[at]!, parts === 2 ? halves[at + size * depth]! : 0];
        const from = BLOCK * (z + 1) + k;
        const row = values.subarray(line * K + BLOCK * (z + 1), line * K + Math.min(K, BLOCK * (z + 2)));
        if (line >= lines || k >= BLOCK || from >= K || !row.every(Number.isFinite)) {
          deepEqual([high, low], [0, 0], `line ${line}, k ${from}`);
          continue;
        }
        const power = powers[2 * (z * (M + N) + line)]! * powers[2 * (z * (M + N) + line) + 1]!;
        const largest = row.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
        if (largest > 2 ** -112) ok(2 ** 14 <= largest / power && largest / power < 2 ** 15, `line ${line}: ${power}`);
        const value = values[line * K + from]!;
        // WGSL lets a device take subnormal numbers for zeros.
        if (Math.abs(value) < 2 ** -126 && high === 0 && low === 0) continue;
        const scaled = value / power;
        // The nearest with eleven bits, ties to even, as numbers of float16 are; what is left of it with as many.
        if (Math.abs(scaled) >= 2 ** -14) equal(high, Math.f16round(scaled), `line ${line}, k ${from}`);
        const bound = Math.abs(scaled) * 2 ** (parts === 2 ? -22 : -11) + 2 ** -24;
        worst = Math.max(worst, Math.abs(high + low - scaled) / bound);
      }
    }
  }
  ok(worst > 0 && worst <= 1, `the error is ${worst} of what is allowed`);
}

for (const mode of ["NN", "NT", "TN"] as const) {
  Deno.test(`halveFactors() scales and rounds each line of a block of k, ${mode}`, async () => {
    const valuesOf = (lines: number, seed: number): Float32Array => {
      const values = randomF32(lines * K, seed).map((value, at) =>
        value * 2 ** ((Math.floor(at / K) * 13) % 200 - 100)
      );
      values.fill(0, 0, K);
      values.set([Infinity], 2 * K + 70);
      values.set([NaN], 3 * K + 149);
      values.fill(2 ** -140, 5 * K, 6 * K);
      // Halfway between two numbers of float16.
      values.set([1 + 2 ** -11, 1 + 3 * 2 ** -11, 2 ** 20], 6 * K + 70);
      return values;
    };
    const [aFirst, bFirst] = [3, 5];
    const a = placed(valuesOf(M, 1), M, { along: mode !== "TN", first: aFirst });
    const b = placed(valuesOf(N, 2), N, { along: mode === "NT", first: bFirst });
    const slices = { a: guarded(a.stored), b: guarded(b.stored) };
    const factors: Factors = {
      ...{ mode, m: M, n: N, k: K, aFirst, bFirst, bType: "f32", scales: undefined },
      ...{ ...slices, lda: a.ld, ldb: b.ld },
    };
    const halved = halveFactors(commands, factors, { cuts: CUTS, block: BLOCK, first: 1, count: 2 });
    equal(halved.steps, 4);
    const powers = new Float32Array((await readU32(halved.powers)).buffer);
    const [halvesA, halvesB] = [halvesOf(await readU32(halved.a)), halvesOf(await readU32(halved.b))];
    checkHalves(halvesA, { values: a.values, lines: M, powers, cut: CUTS.a });
    checkHalves(halvesB, { values: b.values, lines: N, powers: powers.subarray(2 * M), cut: CUTS.b });
    release(slices.a, slices.b);
  });

  Deno.test(`addExceptions() adds the sums of lines that are not finite, and of no others, ${mode}`, async () => {
    const [a, b] = [randomF32(M * K, 3), randomF32(N * K, 4)];
    a.set([Infinity], 2 * K + 70);
    a.set([NaN], 3 * K + 149);
    b.set([-Infinity], 4 * K + 71);
    b.set([0], 5 * K + 70);
    const placedA = placed(a, M, { along: mode !== "TN", first: 3 });
    const placedB = placed(b, N, { along: mode === "NT", first: 5 });
    const [ldc, cFirst, block] = [N + 3, 7, 100];
    const slices = {
      a: guarded(placedA.stored),
      b: guarded(placedB.stored),
      c: guarded(new Float32Array(cFirst + 2 * M * ldc)),
    };
    const product: Omit<MatrixProduct, "bias"> = {
      ...{ mode, m: M, n: N, k: K, aFirst: 3, bFirst: 5, bType: "f32", scales: undefined },
      ...{ ...slices, lda: placedA.ld, ldb: placedB.ld, ldc, cFirst, scale: -2, accumulate: false },
    };
    const blocks = { block, first: 0, count: 2 };
    const { exponents } = halveFactors(commands, product, { cuts: CUTS, ...blocks });
    const run = { c: slices.c, ldc, cFirst, cBlock: M * ldc, first: 0, count: 2 };
    addExceptions(commands, product, { run, exponents, block });
    const got = await readF32(slices.c);
    let special = 0;
    got.forEach((value, at) => {
      const [z, rest] = [Math.floor((at - cFirst) / (M * ldc)), (at - cFirst) % (M * ldc)];
      const [i, j] = [Math.floor(rest / ldc), rest % ldc];
      const [start, end] = [z * block, Math.min(K, (z + 1) * block)];
      const isOdd = (values: Float32Array, line: number): boolean =>
        !values.subarray(line * K + start, line * K + end).every(Number.isFinite);
      if (at < cFirst || j >= N || !(isOdd(a, i) || isOdd(b, j))) return equal(value, 0, `element ${at}`);
      let sum = 0;
      for (let k = start; k < end; k++) sum += a[i * K + k]! * b[j * K + k]!;
      special++;
      equal(value, -2 * sum, `row ${i}, column ${j} of block ${z}`);
    });
    // A row and a column in the first block, a row in the second.
    equal(special, N + M - 1 + N);
    release(...Object.values(slices));
  });
}

Deno.test("halveFactors() reads a stored b", async () => {
  const [n, k] = [16, 128];
  for (const bType of ["bf16", "int8", "nf4"] as const) {
    const stored = storeMatrix(bType, randomF32(n * k, 3), { rows: n, columns: k });
    const a = guarded(randomF32(k, 4));
    const sizes = { mode: "NT", m: 1, n, k, lda: k, ldb: k, aFirst: 0, bFirst: 0, a } as const;
    const blocks = { cuts: CUTS, block: k, first: 0, count: 1 };
    const read = async (data: Float32Array | Uint32Array, scales: Uint32Array | null, own: Factors["bType"]) => {
      const [b, kept] = [guarded(data), scales && guarded(scales)];
      const halved = halveFactors(commands, { ...sizes, b, bType: own, scales: kept ?? undefined }, blocks);
      const words = await readU32(halved.b);
      release(b, ...kept ? [kept] : []);
      return words.slice(0, n * k / 2);
    };
    deepEqual(await read(stored.data, stored.scales ?? null, bType), await read(stored.values, null, "f32"), bType);
    release(a);
  }
});
