import assert from "node:assert/strict";
import { windows } from "../../kernels/window.ts";
import { device } from "../_shared/device.ts";

Deno.test("windows() gives one window where everything fits, none for no rows", () => {
  assert.deepEqual(windows(device, 5, { rowBytes: 12 }), [{ first: 0, rows: 5 }]);
  assert.deepEqual(windows(device, 0, { rowBytes: 12 }), []);
});

Deno.test("windows() starts at aligned bytes, at multiples asked for, and covers all rows within the limit", () => {
  for (const rowBytes of [4, 12, 144, 256, 1152]) {
    for (const multiple of [1, 8]) {
      const limit = 256 * 100;
      const parts = windows(device, 20_011, { rowBytes, multiple, limit });
      let next = 0;
      for (const { first, rows } of parts) {
        assert.equal(first, next);
        assert.equal(first * rowBytes % 256, 0);
        assert.equal(first % multiple, 0);
        assert.ok(rows > 0 && rows * rowBytes <= limit);
        next = first + rows;
      }
      assert.equal(next, 20_011);
    }
  }
});

Deno.test("windows() refuses rows of which no aligned number fits", () => {
  assert.throws(() => windows(device, 100, { rowBytes: 12, limit: 512 }), {
    name: "RangeError",
    message: "Cannot bind 100 rows of 12 bytes: 64 rows at a time exceed the device's 512 bytes a binding",
  });
});
