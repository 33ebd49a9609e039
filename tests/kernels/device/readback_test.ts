import { deepEqual, equal } from "node:assert/strict";
import { openAdapter } from "../../../kernels/device/adapter.ts";
import { Commands } from "../../../kernels/device/commands.ts";

Deno.test("read() gives each of several reads at a time its own bytes", async () => {
  using device = await openAdapter();
  const slices = Array.from({ length: 5 }, (_, i) => device.upload(new Uint32Array(1000 * (i + 1)).fill(i), `${i}`));
  const read = await Promise.all(slices.map((slice) => device.read(slice)));
  read.forEach((bytes, i) => {
    const words = new Uint32Array(bytes);
    equal(words.length, 1000 * (i + 1));
    deepEqual([...new Set(words)], [i]);
  });
});

Deno.test("read() gives the bytes as they were when it was called, whatever is submitted while it waits", async () => {
  using device = await openAdapter();
  using commands = new Commands(device);
  const slice = device.upload(Uint32Array.of(1, 2), "words");
  const before = device.read(slice);
  commands.clear(slice);
  commands.submit();
  const after = device.read(slice);
  deepEqual([...new Uint32Array(await before)], [1, 2]);
  deepEqual([...new Uint32Array(await after)], [0, 0]);
});
