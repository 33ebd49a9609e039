import { deepEqual, equal } from "node:assert/strict";
import { Commands } from "../../../kernels/device/commands.ts";
import type { Device } from "../../../kernels/device/device.ts";
import { Rehearsal } from "../../../kernels/device/rehearsal.ts";
import { matmul } from "../../../kernels/matmul/matmul.ts";
import { device } from "../../_shared/device.ts";

/** Records a product that takes images and partial sums, and a larger one; returns the most bytes that were held. */
function heldAtMost(on: Device): number {
  on.peakBytes = on.bytes;
  const before = on.bytes;
  using commands = new Commands(on);
  for (const m of [32, 64]) {
    const [c, a, b] = [m * 64 * 4, m * 4096 * 4, 64 * 4096 * 2].map((bytes) => on.alloc(bytes, "test", "weights"));
    matmul(commands, { mode: "NT", c: c!, a: a!, b: b!, bType: "bf16", m, n: 64, k: 4096 });
    commands.submit();
    for (const slice of [c!, a!, b!]) on.free(slice);
  }
  return on.peakBytes - before;
}

Deno.test("a rehearsal counts images and buffers as the device does, and its parts are all of them", async () => {
  const rehearsal = new Rehearsal(device);
  const held = heldAtMost(device);
  await device.sync();
  equal(heldAtMost(rehearsal), held);
  equal([...rehearsal.peak.values()].reduce((a, b) => a + b, 0), held);
  equal(rehearsal.bytes, 0);
  rehearsal.restart();
  deepEqual([...rehearsal.peak.values()], [0, 0]);
});

Deno.test("a rehearsal takes the device's kernel variants", () => {
  const { tuning } = device;
  try {
    device.tuning = { family: device.family, tiles: { "NT/small": "turned64" } };
    equal(new Rehearsal(device).tuning, device.tuning);
  } finally {
    device.tuning = tuning;
  }
});
