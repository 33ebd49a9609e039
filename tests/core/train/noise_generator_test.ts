import { deepEqual, equal, rejects } from "node:assert/strict";
import { writeSafetensors } from "../../../core/checkpoint/write_safetensors.ts";
import { createNoise, planNoise } from "../../../core/train/noise_generator.ts";
import { philox4x32 } from "../../../kernels/random/philox.ts";
import { commands } from "../../_shared/device.ts";
import { withFolder } from "../_tiny.ts";

const shape = { vocab: 5, hidden: 9 };

/** docs/method.md: counter (element >> 2, 0, 0, 0), key (seed, iteration + 2²⁴), uniform (2u − 1)/√d. */
function element(i: number): number {
  const u = (philox4x32([i >> 2, 0, 0, 0], [77, 2 + 2 ** 24])[i & 3]! + 0.5) / 2 ** 32;
  return Math.fround((2 * u - 1) / 3);
}

Deno.test("createNoise() draws the weight row by row, then the bias, with the bits of float64", async () => {
  const noise = await createNoise(commands, { shape, init: "linear", seed: 77, iteration: 2 });
  const read = await noise.download();
  noise.free();
  deepEqual([...read("weight")], Array.from({ length: 45 }, (_, i) => element(i)));
  deepEqual([...read("bias")], Array.from({ length: 5 }, (_, i) => element(45 + i)));
});

Deno.test("planNoise() decays nothing of the bias", () => {
  const { places, chunks } = planNoise(shape, 1 << 20);
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
      createNoise(commands, { ...options, shape: { vocab: 5, hidden: 8 } }),
      /^UserError: Cannot load "weight" from .*noise.safetensors: shape is \[5, 9\], expected \[5, 8\] from the model/,
    );
    await writeSafetensors(path, [entry("weight", [5, 9], weight)]);
    await rejects(
      createNoise(commands, { ...options, shape }),
      /Cannot load "bias" .*: shape is not there, expected \[5\]/,
    );
  }));
