import { deepEqual, equal, throws } from "node:assert/strict";
import { dropout, dropoutThreshold } from "../../../kernels/random/dropout.ts";
import { philox4x32, uniform } from "../../../kernels/random/philox.ts";
import { assertClose } from "../../_shared/assert_close.ts";
import { commands, device, guarded, randomF32, readF32, release } from "../../_shared/device.ts";

for (const [rows, columns] of [[1, 1], [5, 7], [300, 64], [2, 1030]] as const) {
  for (const probability of [0.1, 0.5, 0.97]) {
    Deno.test(`dropout() keeps what Philox says at [${rows}, ${columns}] and p ${probability}`, async () => {
      const [x, before] = [randomF32(rows * columns, 1), randomF32(rows * columns, 2)];
      const of = (f: (row: number) => number) =>
        device.upload(Uint32Array.from({ length: rows }, (_, r) => f(r)), "row");
      const [positions, examples] = [of((row) => row * 2), of((row) => 1000 - row)];
      const buffers = { x: guarded(x), y: guarded(before) };
      const place = { positions, examples, seed: 2 ** 32 - 1, iteration: 4, step: 9, probability };
      const run = async (accumulate: boolean): Promise<Float32Array> => {
        dropout(commands, { ...buffers, ...place, module: 259, rows, columns, accumulate });
        commands.submit();
        return await readF32(buffers.y);
      };
      const kept = (row: number, column: number): boolean => {
        const counter = [(column >> 2) + 259 * 2 ** 16, row * 2, 1000 - row, 9] as const;
        return uniform(philox4x32(counter, [2 ** 32 - 1, 4 + 7 * 2 ** 24])[column % 4]!) >= probability;
      };
      const expected = x.map((value, i) => kept(Math.floor(i / columns), i % columns) ? value / (1 - probability) : 0);
      const once = await run(false);
      deepEqual(once.map((value) => value === 0 ? 0 : 1), expected.map((value) => value === 0 ? 0 : 1));
      assertClose(once, expected, { rtol: 1e-6, atol: 0, label: "y" });
      assertClose(await run(true), expected.map((value) => 2 * value), {
        rtol: 1e-6,
        atol: 1e-6,
        label: "accumulated",
      });
      release(...Object.values(buffers), positions, examples);
    });
  }
}

Deno.test("dropoutThreshold() is the least word whose number is at least p", () => {
  for (const p of [0, 1e-12, 0.1, 0.25, 1 / 3, 0.5, 0.999999]) {
    const least = dropoutThreshold(p);
    equal(uniform(least) >= p, true);
    equal(least === 0 || uniform(least - 1) < p, true);
  }
});

Deno.test("dropout() refuses columns and modules that its counter does not tell apart", () => {
  const slice = guarded(new Float32Array(4));
  const call = { x: slice, y: slice, positions: slice, examples: slice, seed: 1, iteration: 0, step: 0, rows: 1 };
  const of = (columns: number, module: number) => () =>
    dropout(commands, { ...call, probability: 0.5, columns, module });
  throws(of(2 ** 18 + 1, 0), /Cannot drop out 262145 columns of module 0: expected at most 262144 of a module below/);
  throws(of(4, 65536), RangeError);
  release(slice);
});
