/** Attention on a device's matrix units, in both precisions. @module */
import { deepEqual, equal, notDeepEqual, ok } from "node:assert/strict";
import { matrixAttentionShape } from "../../../kernels/attention/matrix_attention.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { device } from "../../_shared/device.ts";
import { pack, reference, type RowLengths } from "./_attention_batch.ts";
import { type Case, inputs, run } from "./_attention_run.ts";

const PRECISIONS = ["float32x3", "float16"] as const;
const FAMILY = "gpu";

/** Absolute errors for numbers of about 1: float32x3 keeps to what float32 has. */
const BOUNDS = { float32x3: 8e-6, float16: 1e-2 } as const;

const SIZES = { heads: 4, kvHeads: 2, headDim: 16, scale: 0.25 };
const ROWS: readonly RowLengths[] = [[1], [63], [64], [65], [7, 1, 20, 2], [40, 33, 17], [70, 66]];

const CASES: readonly (Case & { isBackward?: boolean })[] = [
  { ...SIZES, rows: ROWS },
  { ...SIZES, rows: [[130, 70], [200]], window: 5 },
  { ...SIZES, rows: [[30, 100, 20], [140]], window: 65 },
  { ...SIZES, rows: [[5], [9, 4, 30], [70]], kvHeads: 4 },
  // The sums pass in two goes, the second of which has fewer columns, not all of them the head's.
  { rows: [[3], [18, 2], [70]], heads: 3, kvHeads: 1, headDim: 36, isBackward: false },
];

if (device.matrix === null) {
  console.log("attention on matrix units: NOT RUN, the device has none of float16 with float32 sums");
} else {
  for (const precision of PRECISIONS) {
    Deno.test(`attention() in ${precision} matches the reference`, async (t) => {
      for (const one of CASES) {
        const { heads, kvHeads, headDim, rows, window = 0, isBackward = true } = one;
        const name = `${
          rows.map((row) => row.join("+")).join(" ")
        }, ${heads}/${kvHeads} of ${headDim}, window ${window}`;
        await t.step(name, async () => {
          const { qkv, dout } = inputs(one);
          const expected = reference(pack(rows), qkv, { ...one, window, dout });
          const actual = await run(one, { qkv, dout, family: FAMILY, precision, isBackward });
          const atol = BOUNDS[precision];
          assertClose(actual.out, expected.out, { rtol: 1e-5, atol, label: "out" });
          assertClose(actual.lse, expected.lse, { rtol: 2e-6, atol, label: "lse" });
          if (isBackward) assertClose(actual.dqkv, expected.dqkv, { rtol: 2e-5, atol: 4 * atol, label: "dqkv" });
        });
      }
    });

    Deno.test(`attention() in ${precision} is not float32's`, async () => {
      const one = CASES[0]!;
      const given = { ...inputs(one), family: FAMILY, isBackward: false } as const;
      notDeepEqual((await run(one, { ...given, precision })).lse, (await run(one, given)).lse);
    });

    Deno.test(`attention() in ${precision} gives a row's bits whatever else is in the batch`, async () => {
      const rows: RowLengths[] = [[3], [11, 4, 29], [80], [1]];
      const many = inputs({ ...SIZES, rows });
      const how = { family: FAMILY, precision, isBackward: false } as const;
      const together = await run({ ...SIZES, rows }, { ...many, ...how });
      deepEqual(await run({ ...SIZES, rows }, { ...many, ...how }), together);
      let at = 0;
      for (const row of rows) {
        const tokens = row.reduce((sum, n) => sum + n, 0);
        const part = (data: Float32Array, columns: number): Float32Array<ArrayBuffer> =>
          Float32Array.from(data.subarray(at * columns, (at + tokens) * columns));
        const columns = (SIZES.heads + 2 * SIZES.kvHeads) * SIZES.headDim;
        const dout = part(many.dout, SIZES.heads * SIZES.headDim);
        const alone = await run({ ...SIZES, rows: [row] }, { qkv: part(many.qkv, columns), dout, ...how });
        deepEqual(alone.out, part(together.out, SIZES.heads * SIZES.headDim));
        deepEqual(alone.lse, part(together.lse, SIZES.heads));
        at += tokens;
      }
    });

    Deno.test(`attention() in ${precision} loses nothing of numbers from 1e-30 to 1e30`, async () => {
      const one = { ...SIZES, rows: [[40], [6, 20], [90]] };
      const { qkv, dout } = inputs(one);
      const { heads, kvHeads, headDim } = one;
      const columns = heads + 2 * kvHeads;
      // The powers of q and k cancel; those of v are the output's.
      const powerOf = (head: number): number => head < heads ? 99 : head < heads + kvHeads ? -99 : head % 2 ? 99 : -99;
      const scaled = qkv.map((x, i) => x * 2 ** powerOf(Math.floor(i / headDim) % columns));
      const how = { dout, family: FAMILY, precision, isBackward: false } as const;
      const plain = await run(one, { qkv, ...how });
      const wide = await run(one, { qkv: scaled, ...how });
      deepEqual(wide.lse, plain.lse);
      const group = heads / kvHeads;
      const v = (i: number): number => heads + kvHeads + Math.floor(Math.floor(i / headDim) % heads / group);
      deepEqual(wide.out, plain.out.map((x, i) => x * 2 ** powerOf(v(i))));
    });

    Deno.test(`attention() in ${precision} gives NaN where a number is not finite, in its row alone`, async () => {
      const one = { ...SIZES, rows: [[10], [70], [5]] };
      const { qkv, dout } = inputs(one);
      const columns = (SIZES.heads + 2 * SIZES.kvHeads) * SIZES.headDim;
      for (const [head, value] of [[0, NaN], [4, Infinity], [6, -Infinity]] as const) {
        const changed = qkv.slice();
        changed[20 * columns + head * SIZES.headDim + 3] = value;
        const { out } = await run(one, { qkv: changed, dout, family: FAMILY, precision, isBackward: false });
        const rowOf = SIZES.heads * SIZES.headDim;
        ok(out.subarray(20 * rowOf, 20 * rowOf + SIZES.headDim).every(Number.isNaN));
        ok(out.subarray(0, 10 * rowOf).every(Number.isFinite) && out.subarray(80 * rowOf).every(Number.isFinite));
      }
    });
  }
}

Deno.test("attention() takes matrix units where it has a place for them, with as many rows as workgroup memory has", () => {
  const unit = { m: 16, n: 16, k: 16, lanes: 32, saysLanes: true, mostLanes: 64 };
  const limits = { maxComputeInvocationsPerWorkgroup: 256, maxComputeWorkgroupStorageSize: 32 * 1024 };
  const rowsFor = (headDim: number, precision: "float32" | "float32x3" | "float16", own = {}): number | undefined =>
    matrixAttentionShape({ matrix: { ...unit, ...own }, limits } as never, { headDim, scale: 1, precision })?.rows;
  equal(rowsFor(64, "float16"), 64);
  equal(rowsFor(64, "float32x3"), 32);
  equal(rowsFor(64, "float32"), undefined);
  equal(rowsFor(72, "float16"), 64);
  equal(rowsFor(70, "float16"), undefined);
  equal(rowsFor(80, "float16"), 64);
  equal(rowsFor(64, "float16", { m: 8, lanes: 64 }), 32);
  equal(rowsFor(64, "float16", { m: 4, lanes: 128 }), undefined);
});
