/** How fast numbers get from a device to the network and back: by copies, and by the processor's sums. @module */
import type { Device } from "../../kernels/device/device.ts";
import type { WireDtype } from "../cluster/transport.ts";
import { addNode } from "../cluster/tree_sum.ts";

/** Rates of what happens to gradients beside the wire. */
export interface StagingSpeed {
  /** Bytes per second from the device into the process's memory. */
  down: number;
  /** Bytes per second the other way. */
  up: number;
  /** Numbers per second that the processor adds up, rounding included. */
  sum: number;
}

/** Numbers that are moved: enough that a fence does not matter, few enough for any device. */
const ELEMENTS = 4 * 1024 * 1024;
const REPEATS = 3;

/** Measures the rates, in less than a second. Throws DeviceError, of the kind `memory` where the device is full. */
export async function measureStaging(device: Device, dtype: WireDtype): Promise<StagingSpeed> {
  const elements = Math.min(ELEMENTS, Math.floor(device.limits.maxBufferSize / 4));
  const [into, from] = [new Float32Array(elements).fill(1), new Float32Array(elements).fill(2)];
  const slice = device.alloc(elements * 4, "speed");
  try {
    await device.check();
    return {
      down: 4 * elements / await leastSeconds(async () => void await device.readAll([slice])),
      up: 4 * elements / await leastSeconds(async () => {
        device.write(slice, from);
        await device.sync();
      }),
      sum: elements / await leastSeconds(() => Promise.resolve(addNode(into, from, dtype))),
    };
  } finally {
    device.free(slice);
  }
}

/** The least seconds of some calls; the first, which compiles and allocates, does not count. */
async function leastSeconds(work: () => Promise<void>): Promise<number> {
  await work();
  let least = Infinity;
  for (let i = 0; i < REPEATS; i++) {
    const start = performance.now();
    await work();
    least = Math.min(least, performance.now() - start);
  }
  return least / 1000;
}
