import { deepEqual, equal, ok } from "node:assert/strict";
import { isVariant } from "../../kernels/matmul/matmul.ts";
import { choicesFor, classOf, tune } from "../../kernels/tune.ts";
import { standInDevice } from "../../tools/wgsl/stand_in_device.ts";
import { device } from "../_shared/device.ts";

Deno.test("tune() chooses a tile for each class by its rate, and leaves the device as it was", async () => {
  const tuning = { family: device.family, tiles: {} };
  device.tuning = tuning;
  const bytes = device.bytes;
  const told: string[] = [];
  const { tuning: made, measurements } = await tune(device, { onMeasure: (what) => told.push(what) });
  equal(device.tuning, tuning);
  equal(device.bytes, bytes);
  device.tuning = null;
  for (const mode of ["NN", "NT", "TN"] as const) ok(isVariant(made.tiles[`${mode}/large`]), mode);
  ok(isVariant(made.tiles["NT/few"]));
  ok(measurements.every(({ gflops }) => gflops > 0 && Number.isFinite(gflops)), JSON.stringify(measurements));
  // The first two stand for the families.
  const [families, tiles] = [measurements.slice(0, 2), measurements.slice(2)];
  deepEqual(families.map(({ variant }) => variant.replace(/\d+/, "")).sort(), ["broadcast", "shared"]);
  for (const [what, tile] of Object.entries(made.tiles)) {
    ok(told.includes(what), what);
    const rates = tiles.filter((one) => classOf(one) === what);
    const chosen = rates.filter((one) => one.chosen && one.variant === tile);
    equal(chosen.length, 1, what);
    // The default stays unless another is faster by 5 %.
    for (const { gflops } of rates) ok(1.05 * chosen[0]!.gflops >= gflops, what);
  }
});

Deno.test("tune() offers a GPU no tile that it would never take", async () => {
  for (const least of [32, 64]) {
    using gpu = await standInDevice({ name: `gpu ${least}`, family: "gpu", least }, { compiler: "naga", take() {} });
    const offered = choicesFor(gpu, "cpu").map(({ mode, sizes, variants }) => [classOf({ mode, sizes }), ...variants]);
    deepEqual(offered.sort(), [
      ["NN/large", "broadcast16image"],
      ["NN/small", "broadcast16image"],
      ["NT/few", "broadcast8", "broadcast8image"],
      ["NT/large", "broadcast16image"],
      ["NT/least", "broadcast1", "broadcast1image"],
      ["NT/small", "broadcast16image"],
      ["TN/large", "broadcast16image"],
      ["TN/small", "broadcast16image"],
    ]);
    ok(choicesFor(gpu, "gpu").some(({ variants }) => variants.includes("shared128")));
  }
  using cpu = await standInDevice({ name: "cpu 16", family: "cpu", least: 16 }, { compiler: "naga", take() {} });
  ok(choicesFor(cpu, "cpu").some(({ variants }) => variants.includes("broadcast64")));
});
