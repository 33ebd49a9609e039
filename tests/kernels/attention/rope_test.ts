import assert from "node:assert/strict";
import { rope, ropeTable } from "../../../kernels/attention/rope.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { commands, guarded, randomF32, readF32, release } from "../../_shared/device.ts";

const cases = [
  { tokens: 1, heads: 1, kvHeads: 1, headDim: 2 },
  { tokens: 5, heads: 3, kvHeads: 1, headDim: 6 },
  { tokens: 37, heads: 4, kvHeads: 2, headDim: 8 },
  { tokens: 9, heads: 2, kvHeads: 2, headDim: 12 },
  { tokens: 70, heads: 3, kvHeads: 1, headDim: 64 },
];

/** Positions of packed rows: they start again and again. */
function positions(tokens: number): Uint32Array<ArrayBuffer> {
  return Uint32Array.from({ length: tokens }, (_, t) => (t * 5) % 31);
}

function frequencies(headDim: number): Float64Array {
  return Float64Array.from({ length: headDim / 2 }, (_, i) => 10000 ** (-2 * i / headDim));
}

function reference(
  qkv: Float32Array,
  { tokens, heads, kvHeads, headDim, sign }: (typeof cases)[number] & { sign: number },
): Float64Array {
  const out = Float64Array.from(qkv);
  const half = headDim / 2;
  const position = positions(tokens);
  const frequency = frequencies(headDim);
  for (let t = 0; t < tokens; t++) {
    for (let h = 0; h < heads + kvHeads; h++) {
      const at = (t * (heads + 2 * kvHeads) + h) * headDim;
      for (let i = 0; i < half; i++) {
        const angle = sign * position[t]! * frequency[i]!;
        out[at + i] = qkv[at + i]! * Math.cos(angle) - qkv[at + half + i]! * Math.sin(angle);
        out[at + half + i] = qkv[at + half + i]! * Math.cos(angle) + qkv[at + i]! * Math.sin(angle);
      }
    }
  }
  return out;
}

for (const one of cases) {
  const { tokens, heads, kvHeads, headDim } = one;
  for (const inverse of [false, true]) {
    Deno.test(`rope() turns ${inverse ? "back " : ""}q and k: ${tokens} tokens, ${heads}/${kvHeads} heads of ${headDim}`, async () => {
      const qkv = randomF32(tokens * (heads + 2 * kvHeads) * headDim, 1);
      const table = ropeTable({ inverseFrequencies: frequencies(headDim), maxPositions: 31 });
      const buffers = { qkv: guarded(qkv), position: guarded(positions(tokens)), table: guarded(table) };
      rope(commands, { ...buffers, ...one, inverse });
      const expected = reference(qkv, { ...one, sign: inverse ? -1 : 1 });
      assertClose(await readF32(buffers.qkv), expected, { rtol: 1e-6, atol: 1e-6 });
      release(...Object.values(buffers));
    });
  }
}

Deno.test("ropeTable() holds each position's cosines, then its sines", () => {
  const table = ropeTable({ inverseFrequencies: Float64Array.of(1, 0.1), maxPositions: 3 });
  assert.equal(table.length, 12);
  assertClose(table.subarray(8), [Math.cos(2), Math.cos(0.2), Math.sin(2), Math.sin(0.2)], { rtol: 1e-7 });
});
