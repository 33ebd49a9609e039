import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { writeSafetensors } from "../../../core/checkpoint/write_safetensors.ts";
import { createNoise, planNoise } from "../../../core/train/noise_generator.ts";
import { philox4x32 } from "../../../kernels/random/philox.ts";
import { commands } from "../../_shared/device.ts";
import { withFolder } from "../_tiny.ts";

const shape = { vocab: 5, hidden: 9 };
const LIMITS = { maxBindingBytes: 1 << 20, maxBufferBytes: 1 << 20, cutRows: 64 };

/** docs/method.md: counter (element >> 2, 0, 0, 0), key (seed, iteration + 2²⁴), uniform ±1/√inputs. */
function element(i: number, inputs = 9): number {
  const u = (philox4x32([i >> 2, 0, 0, 0], [77, 2 + 2 ** 24])[i & 3]! + 0.5) / 2 ** 32;
  return Math.fround((2 * u - 1) * (1 / Math.sqrt(inputs)));
}

const elements = (from: number, count: number, inputs?: number): number[] =>
  Array.from({ length: count }, (_, i) => element(from + i, inputs));

Deno.test("createNoise() draws the weight row by row, then the bias, with the bits of float64", async () => {
  const noise = await createNoise(commands, { shape, init: "linear", seed: 77, iteration: 2 });
  const read = await noise.download();
  noise.free();
  deepEqual([...read("weight")], elements(0, 45));
  deepEqual([...read("bias")], elements(45, 5));
});

Deno.test("createNoise() of a rank draws down, then up and bias; of zeros it draws down alone", async () => {
  for (const init of ["linear", "zeros"]) {
    const noise = await createNoise(commands, { shape: { ...shape, rank: 3 }, init, seed: 77, iteration: 2 });
    const read = await noise.download();
    noise.free();
    const isDrawn = init === "linear";
    deepEqual([...read("down")], elements(0, 27), init);
    deepEqual([...read("up")], isDrawn ? elements(27, 15, 3) : new Array(15).fill(0), init);
    deepEqual([...read("bias")], isDrawn ? elements(42, 5, 3) : new Array(5).fill(0), init);
  }
});

Deno.test("planNoise() refuses a rank above that of the weight", () => {
  deepEqual([...planNoise({ ...shape, rank: 5 }, LIMITS).places.keys()], ["down", "up", "bias"]);
  throws(
    () => planNoise({ ...shape, rank: 6 }, LIMITS),
    /^UserError: Cannot make a noise generator of rank 6: its weight is \[5, 9\], expected noise.rank of at most 5$/,
  );
});

Deno.test("planNoise() decays nothing of the bias", () => {
  const { places, chunks } = planNoise(shape, LIMITS);
  deepEqual([...places.keys()], ["weight", "bias"]);
  equal(places.get("bias")!.offset, chunks[0]!.decayed * 4);
});

Deno.test("createNoise() begins with zeros or a file's values", () =>
  withFolder(async (dir) => {
    const path = `${dir}/noise.safetensors`;
    const entry = (name: string, shape: number[], values: number[]) => {
      const bytes = new Uint8Array(Float32Array.from(values).buffer);
      return { name, dtype: "F32" as const, shape, bytes: () => Promise.resolve(bytes) };
    };
    const weight = Array.from({ length: 45 }, (_, i) => i / 8);
    await writeSafetensors(path, [entry("weight", [5, 9], weight), entry("bias", [5], [9, 8, 7, 6, 5])]);
    const expected = { zeros: new Array(45).fill(0), [path]: weight };
    for (const [init, values] of Object.entries(expected)) {
      const noise = await createNoise(commands, { shape, init, seed: 1, iteration: 0 });
      const read = await noise.download();
      noise.free();
      deepEqual([...read("weight")], values, init);
      if (init === path) deepEqual([...read("bias")], [9, 8, 7, 6, 5]);
    }
    const options = { init: path, seed: 1, iteration: 0 };
    await rejects(
      createNoise(commands, { ...options, shape: { ...shape, rank: 2 } }),
      /^UserError: Cannot load "down" from .*noise.safetensors: shape is not there, expected \[2, 9\] from the model/,
    );
    const down = Array.from({ length: 18 }, (_, i) => -i);
    const up = Array.from({ length: 10 }, (_, i) => i / 4);
    await writeSafetensors(path, [
      entry("up", [5, 2], up),
      entry("down", [2, 9], down),
      entry("bias", [5], [9, 8, 7, 6, 5]),
    ]);
    const low = await createNoise(commands, { ...options, shape: { ...shape, rank: 2 } });
    const read = await low.download();
    low.free();
    deepEqual([[...read("up")], [...read("down")], [...read("bias")]], [up, down, [9, 8, 7, 6, 5]]);
    await writeSafetensors(path, [entry("weight", [5, 9], weight), entry("bias", [5], [9, 8, 7, 6, 5])]);
    await rejects(
      createNoise(commands, { ...options, shape: { vocab: 5, hidden: 8 } }),
      /^UserError: Cannot load "weight" from .*noise.safetensors: shape is \[5, 9\], expected \[5, 8\] from the model/,
    );
    await writeSafetensors(path, [entry("weight", [5, 9], weight)]);
    await rejects(
      createNoise(commands, { ...options, shape }),
      /Cannot load "bias" .*: shape is not there, expected \[5\]/,
    );
  }));
