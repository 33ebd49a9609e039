import { equal } from "node:assert/strict";
import { RoundingMeter } from "../../../core/checkpoint/rounding_meter.ts";
import type { Dtype } from "../../../core/dtype.ts";

async function* pieces(values: number[], size: number): AsyncGenerator<Float32Array<ArrayBuffer>> {
  for (let i = 0; i < values.length; i += size) yield Float32Array.from(values.slice(i, i + size));
}

/** The share that is lost of a change from `before` to `after`, in pieces of different sizes. */
async function lost(before: number[], after: number[], dtype: Dtype): Promise<number | null> {
  const meter = new RoundingMeter({ streamTensor: () => pieces(before, 3) }, dtype);
  const passed: number[] = [];
  for await (const piece of meter.measure("w", pieces(after, 2))) passed.push(...piece);
  equal(passed.length, after.length);
  return meter.share;
}

Deno.test("RoundingMeter has the rounding's norm as a share of the change's", async () => {
  const ones = Array<number>(7).fill(1);
  // bfloat16 has steps of 1/128 above 1, and half of one below.
  const tiny = 2 ** -12;
  equal(await lost(ones, ones.map((x) => x + tiny), "BF16"), 1, "all of it is lost");
  equal(await lost(ones, ones.map((x) => x + 1 / 128), "BF16"), 0, "a whole step is kept");
  equal(await lost(ones, ones.map((x) => x + tiny), "F16"), 1);
  equal(await lost(ones, ones.map((x) => x + 2 ** -10), "F16"), 0);
  equal(await lost(ones, ones, "BF16"), null, "nothing has changed");
  // One of seven moves by a step, the others by a sixteenth of one.
  const mixed = ones.map((x, i) => x + (i === 4 ? 1 / 128 : 1 / 2048));
  const [small, large] = [6 / 2048 ** 2, 1 / 128 ** 2];
  equal(await lost(ones, mixed, "BF16"), Math.sqrt(small / (small + large)));
});
