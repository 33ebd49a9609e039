import { deepEqual, equal } from "node:assert/strict";
import {
  compilesSlowly,
  lavapipeOf,
  loadsBeforeBroadcasts,
  multipliesMatrices,
} from "../../../kernels/device/lavapipe.ts";
import { SUBGROUP_MATRIX } from "../../../kernels/device/subgroup_matrix.ts";
import { device } from "../../_shared/device.ts";

/** An adapter that tells so many bindings of a group. */
function adapter(
  maxBindingsPerBindGroup: number,
  { description = "llvmpipe (LLVM 15.0.6, 256 bits)", features = [] as string[] } = {},
): GPUAdapter {
  return {
    info: { description, device: "0" },
    limits: { maxBindingsPerBindGroup },
    features: new Set(features),
  } as unknown as GPUAdapter;
}

Deno.test("lavapipeOf() tells versions that bear one name by their limits", () => {
  // What Mesa 22.3.6, 25.0.7 and 26.2.6 tell through wgpu.
  const bindings = [1024, 1_000_000, 1_015_808, 2 ** 32 - 1];
  deepEqual(bindings.map((count) => lavapipeOf(adapter(count))), [22, 25, 26, null]);
  equal(lavapipeOf(adapter(1_000_000, { description: "SwiftShader Device (Subzero)" })), null);
  // Dawn tells a limit of its own.
  equal(lavapipeOf(adapter(1000)), 25);
  equal(lavapipeOf(adapter(1000, { features: [SUBGROUP_MATRIX] })), 26);
});

Deno.test("an opened device knows which lavapipe it is, and tells it by its name", () => {
  const isLavapipe = device.info.description.includes("llvmpipe");
  equal(device.lavapipe !== null, isLavapipe);
  equal(device.name.includes(`like Mesa ${device.lavapipe}`), isLavapipe);
});

Deno.test("Mesa 26 alone loads before it broadcasts, with more than 8 lanes, and Mesa 25 alone compiles slowly", () => {
  const all = [null, 22, 25, 26] as const;
  deepEqual(all.map((one) => loadsBeforeBroadcasts(one, 16)), [false, false, false, true]);
  deepEqual(all.map((one) => loadsBeforeBroadcasts(one, 8)), [false, false, false, false]);
  deepEqual(all.map(compilesSlowly), [false, false, true, false]);
});

Deno.test("lavapipe multiplies matrices with 8 lanes alone, and other drivers with any", () => {
  const lanes = [0, 4, 8, 16, 32];
  deepEqual(lanes.map((count) => multipliesMatrices(26, count)), [false, false, true, false, false]);
  deepEqual(lanes.map((count) => multipliesMatrices(null, count)), lanes.map(() => true));
});
