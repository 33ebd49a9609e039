import assert from "node:assert/strict";
import { joinSlices, type Slice } from "../../kernels/device/slice.ts";
import { windowOf, windowOn, windows } from "../../kernels/window.ts";
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

Deno.test("windows of what lies in several buffers lie in one each", () => {
  // 64, 64 and 30 rows of 16 bytes.
  const parts = [1024, 1024, 480].map((bytes) => device.alloc(bytes, "part"));
  const of = joinSlices(parts);
  const options = { rowBytes: 16, of };
  const [a, b, c] = [{ first: 0, rows: 64 }, { first: 64, rows: 64 }, { first: 128, rows: 30 }];
  assert.deepEqual(windows(device, 158, options), [a, b, c]);
  // A buffer may be larger than what is in use.
  assert.deepEqual(windows(device, 150, options), [a, b, { first: 128, rows: 22 }]);
  assert.deepEqual(windows(device, 100, options), [a, { first: 64, rows: 36 }]);
  assert.deepEqual(windows(device, 158, { ...options, limit: 768 }), [
    { first: 0, rows: 48 },
    { first: 48, rows: 16 },
    { first: 64, rows: 48 },
    { first: 112, rows: 16 },
    c,
  ]);
  const place = ({ buffer, offset, size }: Slice) => [parts.findIndex((part) => part.buffer === buffer), offset, size];
  assert.deepEqual(place(windowOf(of, b, 16)), [1, 0, 1024]);
  assert.deepEqual(place(windowOf(of, { first: 144, rows: 14 }, 16)), [2, 256, 224]);
  assert.throws(() => windowOf(of, { first: 48, rows: 32 }, 16), /^RangeError: Cannot slice "part": bytes 768\.\.1280/);
  assert.deepEqual(place(windowOn(device, of, { first: 80, rowBytes: 16 })), [1, 256, 768]);
  assert.deepEqual(place(windowOn(device, of, { first: 80, rowBytes: 16, limit: 64 })), [1, 256, 64]);
  for (const part of parts) device.free(part);
});
