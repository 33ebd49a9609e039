/** `optimize` against the goldens of the reference program (PyTorch, float64), one for each architecture. @module */
import { equal } from "node:assert/strict";
import { assertClose } from "../_shared/assert_close.ts";
import { device } from "../_shared/device.ts";
import { ARCHITECTURES } from "../_shared/oracle.ts";
import type { Tensors } from "../_shared/trajectory.ts";
import { sketchDistance, sketchUpdate } from "./_golden.ts";
import { assertGolden } from "./_run.ts";

for (const arch of ARCHITECTURES) {
  Deno.test(`optimize gives the golden run of ${arch}`, () => assertGolden(arch, device.family));
}

// The other architectures: tests/soak.
Deno.test("optimize gives the golden run of gqa with the other family of kernels", () =>
  assertGolden("gqa", device.family === "cpu" ? "gpu" : "cpu"));

Deno.test("sketchDistance() estimates how far two changes are apart", () => {
  const tensors = (scale: number): Tensors =>
    new Map([["a", Float32Array.from({ length: 5000 }, (_, i) => scale * Math.sin(i * i))]]);
  const zero = tensors(0);
  const [one, more] = [sketchUpdate(zero, tensors(1)), sketchUpdate(zero, tensors(1.01))];
  assertClose(sketchDistance(one, more), 0.01 * one.norm, { rtol: 0.3 });
  equal(sketchDistance(one, one), 0);
});
