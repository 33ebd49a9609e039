import { deepEqual } from "node:assert/strict";
import { kernelTimes } from "../../../kernels/device/profile.ts";

Deno.test("kernelTimes() adds up by kernel, and takes no time from a clock that stands still or goes back", () => {
  const stamps = [[5_000_000, 7_000_000], [8_000_000, 8_000_000], [9_000_000, 4_000_000], [10_000_000, 13_000_000]];
  deepEqual(kernelTimes(["a", "b", "a", "b"], BigUint64Array.from(stamps.flat(), BigInt)), [
    { name: "b", calls: 2, milliseconds: 3, untimed: 0 },
    { name: "a", calls: 2, milliseconds: 2, untimed: 1 },
  ]);
});
