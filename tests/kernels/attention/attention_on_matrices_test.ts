/** Attention on a device's matrix units, in both precisions. @module */
import { deepEqual, equal, notDeepEqual, ok } from "node:assert/strict";
import { TILE } from "../../../kernels/attention/blocked_attention.ts";
import { matrixAttentionShape } from "../../../kernels/attention/matrix_attention.ts";
import { Pace } from "../../../kernels/device/pace.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { device } from "../../_shared/device.ts";
import { pack, recorders, reference, type RowLengths } from "./_attention_batch.ts";
import { type Case, inputs, run } from "./_attention_run.ts";

const PRECISIONS = ["float32x3", "float16"] as const;
const FAMILY = "gpu";

/** Absolute errors for numbers of about 1, four times that of the gradient: float32x3 keeps to what float32 has. */
const BOUNDS = { float32x3: 8e-6, float16: 1e-2 } as const;

const SIZES = { heads: 4, kvHeads: 2, headDim: 16, scale: 0.25 };
const ROWS: readonly RowLengths[] = [[1], [63], [64], [65], [7, 1, 20, 2], [40, 33, 17], [70, 66]];

const CASES: readonly Case[] = [
  { ...SIZES, rows: ROWS },
  { ...SIZES, rows: [[130, 70], [200]], window: 5 },
  { ...SIZES, rows: [[30, 100, 20], [140]], window: 65 },
  { ...SIZES, rows: [[5], [9, 4, 30], [70]], kvHeads: 4 },
  // The sums pass in two goes, the second of which has fewer columns, not all of them the head's.
  { rows: [[3], [18, 2], [70]], heads: 3, kvHeads: 1, headDim: 36 },
  // Rows of which more is kept, and kernels of their own for k and for v.
  { rows: [[3], [5, 2], [66]], heads: 1, kvHeads: 1, headDim: 136 },
];

if (device.matrix === null) {
  console.log("attention on matrix units: NOT RUN, the device has none of float16 with float32 sums");
} else {
  for (const precision of PRECISIONS) {
    Deno.test(`attention() in ${precision} matches the reference`, async (t) => {
      for (const one of CASES) {
        const { heads, kvHeads, headDim, rows, window = 0 } = one;
        const name = `${
          rows.map((row) => row.join("+")).join(" ")
        }, ${heads}/${kvHeads} of ${headDim}, window ${window}`;
        await t.step(name, async () => {
          const { qkv, dout } = inputs(one);
          const expected = reference(pack(rows), qkv, { ...one, window, dout });
          const actual = await run(one, { qkv, dout, family: FAMILY, precision });
          const atol = BOUNDS[precision];
          assertClose(actual.out, expected.out, { rtol: 1e-5, atol, label: "out" });
          assertClose(actual.lse, expected.lse, { rtol: 2e-6, atol, label: "lse" });
          assertClose(actual.dqkv, expected.dqkv, { rtol: 2e-5, atol: 4 * atol, label: "dqkv" });
        });
      }
    });

    Deno.test(`attention() in ${precision} is not float32's`, async () => {
      const one = CASES[0]!;
      const given = { ...inputs(one), family: FAMILY } as const;
      const [own, full] = [await run(one, { ...given, precision }), await run(one, given)];
      notDeepEqual(own.lse, full.lse);
      notDeepEqual(own.dqkv, full.dqkv);
    });

    Deno.test(`attention() in ${precision} gives a row's bits whatever else is in the batch`, async () => {
      const rows: RowLengths[] = [[3], [11, 4, 29], [80], [1]];
      const many = inputs({ ...SIZES, rows });
      const how = { family: FAMILY, precision } as const;
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
        deepEqual(alone.dqkv, part(together.dqkv, columns));
        at += tokens;
      }
    });

    Deno.test(`attention() in ${precision} gives the same bits in parts`, async () => {
      const { device } = recorders[FAMILY];
      // Parts of 32 tiles, and queries of the second see keys of the first.
      const one = { ...SIZES, rows: [[3, 40, 30], [31 * TILE, 2 * TILE], [10]], window: 50 };
      const within = (budget: number) => {
        device.pace = new Pace();
        device.pace.budget = budget;
        return run(one, { ...inputs(one), family: FAMILY, precision, pairs: 1e6 });
      };
      const whole = await within(Infinity);
      const before = recorders[FAMILY].submitCount;
      deepEqual(await within(1e-12), whole);
      equal(recorders[FAMILY].submitCount - before, 3 * 2);
      device.pace = new Pace();
    });

    Deno.test(`attention() in ${precision} loses nothing of numbers from 1e-30 to 1e30`, async () => {
      const one = { ...SIZES, rows: [[40], [6, 20], [90]] };
      const { qkv, dout } = inputs(one);
      const { heads, kvHeads, headDim } = one;
      const columns = heads + 2 * kvHeads;
      const group = heads / kvHeads;
      // The powers of q and k cancel; those of v are the output's, and nearly cancel with those of its gradient.
      /** Numbers times a power for each head: of q by its key's, of k and of v. */
      const scale = (
        data: Float32Array,
        [ofQ, ...others]: readonly ((kv: number) => number)[],
      ): Float32Array<ArrayBuffer> =>
        Float32Array.from(data, (x, i) => {
          const head = Math.floor(i / headDim) % (others.length > 0 ? columns : heads);
          const kind = Math.floor((head - heads) / kvHeads);
          const power = head < heads ? ofQ!(Math.floor(head / group)) : others[kind]!((head - heads) % kvHeads);
          return x * 2 ** power;
        });
      const how = { family: FAMILY, precision } as const;
      const plain = await run(one, { qkv, dout, ...how });
      // The gradients of scores are as they were, or so small that the powers of dout and v together are no normal number.
      for (const [v, scores, own] of [[[-99, 99], [5, 13], 99], [[-52, -52], [-104, -104], 0]] as const) {
        const gradient = (kv: number): number => scores[kv]! - v[kv]!;
        const wide = await run(one, {
          ...{ qkv: scale(qkv, [() => own, () => -own, (kv) => v[kv]!]), dout: scale(dout, [gradient]) },
          ...how,
        });
        deepEqual(wide.lse, plain.lse);
        deepEqual(wide.out, scale(plain.out, [(kv) => v[kv]!]));
        const expected = scale(plain.dqkv, [(kv) => scores[kv]! - own, (kv) => scores[kv]! + own, gradient]);
        if (own !== 0) deepEqual(wide.dqkv, expected);
        // What is left of differences that should be 0 is too small for a normal number.
        else assertClose(wide.dqkv, expected, { rtol: 1e-4, atol: 2 ** -120, label: "dqkv" });
      }
    });

    Deno.test(`attention() in ${precision} gives NaN where a number is not finite, in its row alone`, async () => {
      const one = { ...SIZES, rows: [[10], [70], [5]] };
      const { qkv, dout } = inputs(one);
      const { heads, headDim } = SIZES;
      const columns = (heads + 2 * SIZES.kvHeads) * headDim;
      const isOthers = (data: Float32Array, ofToken: number): boolean =>
        data.subarray(0, 10 * ofToken).every(Number.isFinite) && data.subarray(80 * ofToken).every(Number.isFinite);
      const headOf = (data: Float32Array, ofToken: number, head: number): Float32Array =>
        data.subarray(20 * ofToken + head * headDim, 20 * ofToken + (head + 1) * headDim);
      for (const [head, value] of [[0, NaN], [4, Infinity], [6, -Infinity]] as const) {
        const changed = qkv.slice();
        changed[20 * columns + head * headDim + 3] = value;
        const { out, dqkv } = await run(one, { qkv: changed, dout, family: FAMILY, precision });
        ok(headOf(out, heads * headDim, 0).every(Number.isNaN));
        ok(isOthers(out, heads * headDim));
        // What is not finite in v is none of the weights, of which the gradient of v is made.
        for (const gradient of head === 6 ? [0, 4] : [0, 4, 6]) {
          ok(headOf(dqkv, columns, gradient).every(Number.isNaN), `${head} ${gradient}`);
        }
        ok(isOthers(dqkv, columns));
      }
      const large = run(one, {
        ...{
          qkv: qkv.map((x, i) => Math.floor(i / headDim) % 8 >= 6 ? x * 2 ** 100 : x),
          dout: dout.map((x) => x * 2 ** 60),
        },
        ...{ family: FAMILY, precision },
      });
      for (const gradient of [0, 4]) {
        ok(headOf((await large).dqkv, columns, gradient).every((x) => !Number.isFinite(x)), `${gradient}`);
      }
      const changed = dout.slice();
      changed[20 * heads * headDim + 3] = Infinity;
      const { out, dqkv } = await run(one, { qkv, dout: changed, family: FAMILY, precision });
      ok(out.every(Number.isFinite));
      for (const gradient of [0, 4, 6]) ok(headOf(dqkv, columns, gradient).every(Number.isNaN), `${gradient}`);
      ok(isOthers(dqkv, columns));
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
