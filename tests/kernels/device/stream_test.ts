import assert from "node:assert/strict";
import { openAdapter } from "../../../kernels/device/adapter.ts";
import { openSliceReader } from "../../../kernels/device/stream.ts";

Deno.test("openSliceReader() reads slices in order, each piece valid while the next one is read", async () => {
  const device = await openAdapter();
  const values = Float32Array.from({ length: 1000 }, (_, i) => i);
  const all = device.upload(values, "all");
  // 16 windows and more of 12 values, which the slices' ends do not meet.
  const cuts = [[0, 1], [1, 2], [3, 100], [103, 5], [108, 892]] as const;
  const slices = cuts.map(([first, count]) => ({ ...all, offset: first * 4, size: count * 4 }));
  const reader = openSliceReader(device, slices, { windowBytes: 48 });
  const read: number[] = [];
  let held = new Float32Array();
  for (const [first, count] of cuts) {
    for await (const { buffer, byteOffset, byteLength } of reader.next()) {
      read.push(...held);
      held = new Float32Array(buffer, byteOffset, byteLength / 4);
    }
    assert.equal(read.length + held.length, first + count);
  }
  read.push(...held);
  assert.deepEqual(read, [...values]);
  await assert.rejects(async () => await reader.next().next(), RangeError);
  await reader.close();
  device.destroy();
});

Deno.test("openSliceReader() can be closed with windows under way", async () => {
  const device = await openAdapter();
  const slice = device.upload(Float32Array.from({ length: 100 }, (_, i) => i), "all");
  const reader = openSliceReader(device, [slice], { windowBytes: 16 });
  const { value } = await reader.next().next();
  assert.deepEqual([...new Float32Array(value!.slice().buffer)], [0, 1, 2, 3]);
  await reader.close();
  await device.check();
  device.destroy();
});
