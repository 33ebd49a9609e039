import { deepEqual } from "node:assert/strict";
import { matmulExponents } from "../../../kernels/matmul/matmul_exponents.ts";
import { commands, guarded, randomF32, readU32, release } from "../../_shared/device.ts";
import { storeMatrix } from "../../_shared/stored_matrix.ts";

/** The exponent of a number in float32, biased by 127; 256 where it is not finite. */
function exponentOf(value: number): number {
  const exponent = new Uint32Array(Float32Array.of(value).buffer)[0]! >>> 23 & 255;
  return exponent === 255 ? 256 : exponent;
}

function larger(a: number, b: number): number {
  return Math.max(a & 255, b & 255) | ((a | b) & 256);
}

for (const mode of ["NN", "NT", "TN"] as const) {
  Deno.test(`matmulExponents() finds those of a's rows and b's columns in each block of k, ${mode}`, async () => {
    const [m, n, k, block] = [37, 21, 150, 64];
    const [aFirst, bFirst, gap] = [3, 5, 2];
    // Elements (line, q) of both, over many sizes, some zero or not finite; block 1 of line 4 has nothing finite.
    const valuesOf = (lines: number, seed: number): Float32Array<ArrayBuffer> => {
      const values = randomF32(lines * k, seed).map((value, at) =>
        value * 2 ** ((at * 7 + Math.floor(at / k) * 13) % 250 - 140)
      );
      values.fill(0, 0, k);
      values.set([Infinity], 2 * k + 70);
      values.set([NaN], 3 * k + 149);
      values.fill(-Infinity, 4 * k + 64, 4 * k + 128);
      values.fill(2 ** -140, 5 * k, 6 * k);
      return values;
    };
    const place = (values: Float32Array, lines: number, { along, first }: { along: boolean; first: number }) => {
      const ld = (along ? k : lines) + gap;
      const out = new Float32Array(first + (along ? lines : k) * ld).fill(NaN);
      values.forEach((value, at) => {
        const [line, q] = [Math.floor(at / k), at % k];
        out[first + (along ? line * ld + q : q * ld + line)] = value;
      });
      return { slice: guarded(out), ld };
    };
    const [a, b] = [valuesOf(m, 1), valuesOf(n, 2)];
    const placedA = place(a, m, { along: mode !== "TN", first: aFirst });
    const placedB = place(b, n, { along: mode === "NT", first: bFirst });
    const out = matmulExponents(commands, {
      ...{ mode, m, n, k, aFirst, bFirst, bType: "f32", scales: undefined },
      ...{ a: placedA.slice, b: placedB.slice, lda: placedA.ld, ldb: placedB.ld },
    }, { block, first: 1, count: 2 });
    const expected: number[] = [];
    for (let start = block; start < k; start += block) {
      for (const [values, lines] of [[a, m], [b, n]] as const) {
        for (let line = 0; line < lines; line++) {
          const part = values.subarray(line * k + start, line * k + Math.min(k, start + block));
          expected.push(part.reduce((most, value) => larger(most, exponentOf(value)), 0));
        }
      }
    }
    deepEqual([...await readU32(out)].slice(0, expected.length), expected);
    release(placedA.slice, placedB.slice);
  });
}

Deno.test("matmulExponents() reads a stored b", async () => {
  const [n, k] = [6, 128];
  for (const bType of ["bf16", "int8", "nf4"] as const) {
    const values = randomF32(n * k, 3).map((value, at) => value * 2 ** (Math.floor(at / k) * 5 - 10));
    const stored = storeMatrix(bType, values, { rows: n, columns: k });
    const [a, b] = [guarded(randomF32(k, 4)), guarded(stored.data)];
    const scales = stored.scales && guarded(stored.scales);
    const sizes = { mode: "NT", m: 1, n, k, lda: k, ldb: k, aFirst: 0, bFirst: 0 } as const;
    const out = matmulExponents(commands, { ...sizes, a, b, bType, scales: scales ?? undefined }, {
      ...{ block: k, first: 0, count: 1 },
    });
    const expected = Array.from(
      { length: n },
      (_, j) => stored.values.subarray(j * k, (j + 1) * k).reduce((most, value) => larger(most, exponentOf(value)), 0),
    );
    deepEqual([...await readU32(out)].slice(1, 1 + n), expected, bType);
    release(a, b, ...(scales ? [scales] : []));
  }
});
