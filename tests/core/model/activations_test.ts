import { equal, throws } from "node:assert/strict";
import { BufferSet } from "../../../core/model/activations.ts";
import { device } from "../../_shared/device.ts";

Deno.test("BufferSet refuses a buffer that no kernel could be given, before it is made", () => {
  const set = new BufferSet(device);
  const most = device.limits.maxStorageBufferBindingSize;
  const before = device.bytes;
  const words = Math.floor(most / 4) + 1;
  throws(
    () => set.words(words, "x"),
    new RegExp(
      `^DeviceError: Cannot use a buffer "x": size is ${words * 4} bytes, the device's largest binding is ${most}$`,
    ),
  );
  equal(device.bytes, before);
});
