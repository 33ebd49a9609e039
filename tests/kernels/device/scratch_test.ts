import { equal, notEqual, throws } from "node:assert/strict";
import { scratchBuffer } from "../../../kernels/device/scratch.ts";
import { limited } from "../../_shared/device.ts";

Deno.test("scratchBuffer() keeps a buffer of each name until a larger one is asked for, and frees all on release", () => {
  const commands = limited({});
  const { device } = commands;
  const before = device.bytes;
  const small = scratchBuffer(commands, { name: "sums", bytes: 512 });
  equal(scratchBuffer(commands, { name: "sums", bytes: 256 }), small);
  notEqual(scratchBuffer(commands, { name: "powers", bytes: 256 }), small);
  const large = scratchBuffer(commands, { name: "sums", bytes: 1024 });
  equal(device.bytes - before, 1024 + 256);
  equal(scratchBuffer(commands, { name: "sums", bytes: 512 }), large);
  commands.release();
  equal(device.bytes, before);
});

Deno.test("scratchBuffer() names the sizes where one binding cannot hold it, before it allocates", () => {
  const commands = limited({ maxStorageBufferBindingSize: 1024 });
  const { device } = commands;
  const kept = scratchBuffer(commands, { name: "sums", bytes: 1024 });
  const before = device.bytes;
  throws(() => scratchBuffer(commands, { name: "sums", bytes: 1028 }), {
    name: "DeviceError",
    kind: "memory",
    message: 'Cannot use a buffer "sums": size is 1028 bytes, the device\'s largest binding is 1024',
  });
  equal(device.bytes, before);
  equal(scratchBuffer(commands, { name: "sums", bytes: 4 }), kept);
  commands.release();
});
