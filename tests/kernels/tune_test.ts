import { deepEqual, equal, ok } from "node:assert/strict";
import { isVariant } from "../../kernels/matmul/matmul.ts";
import { classOf, tune } from "../../kernels/tune.ts";
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
