import assert from "node:assert/strict";
import { attentionTile, attentionTiles } from "../../../kernels/attention/attention.ts";
import type { DeviceFamily } from "../../../kernels/device/tuning.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { device } from "../../_shared/device.ts";
import { numericGradient } from "../../_shared/finite_difference.ts";
import { pack, reference, type RowLengths } from "./_attention_batch.ts";
import { type Case, inputs, run } from "./_attention_run.ts";

const families = ["cpu", "gpu"] as const;
const tile = attentionTile(device);

/** The tokens of a tile of a GPU's kernels, and of a block of the other side. */
const edges: readonly RowLengths[] = [[63], [64], [65], [1, 1], [7, 1, 20, 2], [40, 33, 17]];

// A software adapter needs seconds to compile a text: each family has the head sizes that differ in its texts.
const cases: Readonly<Record<DeviceFamily, readonly Case[]>> = {
  cpu: [
    { rows: [[1], [2], [tile - 1], [tile], [tile + 1], [100]], heads: 2, kvHeads: 2, headDim: 8 },
    { rows: edges, heads: 4, kvHeads: 2, headDim: 8 },
    { rows: [[5], [9, 4, 30], [70]], heads: 3, kvHeads: 3, headDim: 6 },
    { rows: [[5], [9, 4, 30], [70]], heads: 2, kvHeads: 1, headDim: 8, scale: 1 },
    { rows: [[5], [9, 4, 30], [33]], heads: 4, kvHeads: 1, headDim: 12 },
    { rows: [[5], [9, 4, 30], [70]], heads: 4, kvHeads: 2, headDim: 16, window: 5 },
    { rows: [[5], [9, 40, 3], [21]], heads: 2, kvHeads: 1, headDim: 64, window: 30 },
    { rows: [[3], [18, 2]], heads: 2, kvHeads: 1, headDim: 128 },
  ],
  gpu: [
    { rows: [[1], [2], ...edges, [100]], heads: 2, kvHeads: 2, headDim: 8, scale: 0.5 },
    { rows: edges, heads: 6, kvHeads: 2, headDim: 8, scale: 0.5 },
    { rows: [[130, 70], [200]], heads: 3, kvHeads: 1, headDim: 8, scale: 0.5, window: 5 },
    { rows: [[30, 100, 20], [200]], heads: 1, kvHeads: 1, headDim: 8, scale: 0.5, window: 65 },
    // No multiple of 4, and chunks that the head does not fill.
    { rows: [[5], [9, 4, 30], [70]], heads: 3, kvHeads: 3, headDim: 18 },
    { rows: [[5], [9, 40, 3], [80]], heads: 2, kvHeads: 1, headDim: 64, window: 30 },
    // Fewer rows of a block: of keys, and of all.
    { rows: [[3], [18, 2], [70]], heads: 2, kvHeads: 1, headDim: 128 },
    { rows: [[3], [18, 20]], heads: 2, kvHeads: 1, headDim: 260 },
  ],
};

Deno.test("attention() and its backward have the same bits from buffers, where the arrays fit no image", async () => {
  const one: Case = { rows: [[5], [9, 4, 30], [70]], heads: 4, kvHeads: 2, headDim: 16, window: 5 };
  const data = inputs(one);
  const fromImages = await run(one, { ...data, family: "cpu" });
  // What ends within a texel is not copied.
  assert.deepEqual(await run(one, { ...data, family: "cpu", tail: 20_001 }), fromImages);
});

for (const family of families) {
  for (const one of cases[family]) {
    const name = `${
      one.rows.map((row) => row.join("+")).join(" ")
    }, ${one.heads}/${one.kvHeads} heads of ${one.headDim}${one.scale === undefined ? "" : `, scale ${one.scale}`}`;
    Deno.test(`attention() and its backward match the reference (${family}): ${name}, window ${one.window ?? 0}`, async () => {
      const { qkv, dout } = inputs(one);
      const expected = reference(pack(one.rows), qkv, { ...one, window: one.window ?? 0, dout });
      const actual = await run(one, { qkv, dout, family });
      // A GPU's kernels sum over a head in one go, not in parts.
      const atol = family === "cpu" ? 2e-6 : 8e-6;
      assertClose(actual.out, expected.out, { rtol: 1e-5, atol, label: "out" });
      assertClose(actual.lse, expected.lse, { rtol: 2e-6, atol, label: "lse" });
      assertClose(actual.dqkv, expected.dqkv, { rtol: 2e-5, atol: family === "cpu" ? 1e-5 : 2e-5, label: "dqkv" });
    });
  }

  Deno.test(`attention() gives a row's bits whatever else is in the batch (${family})`, async () => {
    const sizes = { heads: 4, kvHeads: 2, headDim: 8, scale: 0.5 };
    const rows: RowLengths[] = [[3], [11, 4, 29], [80], [1]];
    const many = inputs({ ...sizes, rows });
    const together = await run({ ...sizes, rows }, { ...many, family });
    let at = 0;
    for (const row of rows) {
      const tokens = row.reduce((sum, n) => sum + n, 0);
      const part = (data: Float32Array, columns: number): Float32Array<ArrayBuffer> =>
        Float32Array.from(data.subarray(at * columns, (at + tokens) * columns));
      const columns = (sizes.heads + 2 * sizes.kvHeads) * sizes.headDim;
      const alone = await run({ ...sizes, rows: [row] }, {
        qkv: part(many.qkv, columns),
        dout: part(many.dout, sizes.heads * sizes.headDim),
        family,
      });
      assert.deepEqual(alone.out, part(together.out, sizes.heads * sizes.headDim));
      assert.deepEqual(alone.lse, part(together.lse, sizes.heads));
      assert.deepEqual(alone.dqkv, part(together.dqkv, columns));
      at += tokens;
    }
  });

  Deno.test(`attention() stays finite at scores of thousands (${family})`, async () => {
    const one = { rows: [[40], [6, 20]], heads: 1, kvHeads: 1, headDim: 8, scale: 0.5 };
    const { qkv, dout } = inputs(one);
    for (let i = 0; i < qkv.length; i++) qkv[i]! *= 34;
    const expected = reference(pack(one.rows), qkv, { ...one, window: 0, dout });
    const actual = await run(one, { qkv, dout, family });
    assertClose(actual.out, expected.out, { rtol: 5e-3, atol: 5e-2, label: "out" });
    assert.ok(actual.dqkv.every(Number.isFinite));
  });
}

Deno.test("attention()'s reference gradient agrees with finite differences", () => {
  const one = { rows: [[2], [3, 1, 2]], heads: 2, kvHeads: 1, headDim: 4, window: 3 };
  const packed = pack(one.rows);
  const { qkv, dout } = inputs(one);
  const x = Float64Array.from(qkv);
  const loss = (): number => reference(packed, x, one).out.reduce((sum, o, i) => sum + o * dout[i]!, 0);
  assertClose(reference(packed, x, { ...one, dout }).dqkv, numericGradient(loss, x), { rtol: 1e-6, atol: 1e-8 });
});

Deno.test("attentionTiles() cuts each segment on its own", () => {
  const segments = [{ start: 0, end: 5 }, { start: 5, end: 9 }, { start: 9, end: 10 }];
  assert.deepEqual([...attentionTiles(segments, 4)], [0, 4, 4, 1, 5, 4, 9, 1]);
});
