import assert from "node:assert/strict";
import { add } from "../../kernels/add.ts";
import { assertClose } from "../_shared/assert_close.ts";
import { guarded, randomF32, readF32, release } from "../_shared/device.ts";
import { families } from "../_shared/families.ts";

for (const { family, commands } of families) {
  for (const count of [1, 63, 64, 1036, 70_001]) {
    Deno.test(`add() touches all ${count} elements and no other (${family})`, async () => {
      // Buffers are often larger than what they hold.
      const room = 5;
      const a = randomF32(count + room, 1);
      const b = randomF32(count + room, 2);
      const buffers = { out: guarded(a), a: guarded(a), b: guarded(b) };
      add(commands, { ...buffers, count });
      commands.submit();
      assertClose(await readF32(buffers.out), a.map((x, i) => i < count ? x + b[i]! : x));
      release(...Object.values(buffers));
    });
  }
}

Deno.test("add() folds a grid that passes the device's limit", async () => {
  const { commands } = families[0]!;
  const { device } = commands;
  const lanes = device.family === "cpu" ? device.rowLanes : 256;
  const count = device.limits.maxComputeWorkgroupsPerDimension * lanes + 5;
  const a = new Float32Array(count).fill(1);
  const buffers = { out: guarded(count), a: guarded(a), b: guarded(a) };
  add(commands, { ...buffers, count });
  assert.ok((await readF32(buffers.out)).every((value) => value === 2));
  release(...Object.values(buffers));
});
