import { deepEqual, equal } from "node:assert/strict";
import { fixed, largest, percent, quote } from "../../core/values.ts";

Deno.test("largest() takes any number of items", () => {
  equal(largest([], (x: number) => x), -Infinity);
  equal(largest(["a", "ccc", "bb"], ({ length }) => length), 3);
  equal(largest(Array.from({ length: 300_000 }, (_, i) => i), (x) => x), 299_999);
});

Deno.test("quote() cuts long values", () => {
  equal(quote({ a: "b" }), '{"a":"b"}');
  equal(quote("x".repeat(100)), `"${"x".repeat(76)}...`);
});

Deno.test("quote() takes integers of any size", () => {
  equal(quote(2n ** 60n), "1152921504606846976");
  equal(quote([1, { a: -(2n ** 64n) }]), '[1,{"a":-18446744073709551616}]');
});

Deno.test("fixed() gives a number that rounds to zero no sign", () => {
  deepEqual([-0.00001, -0, 0.00001, -0.0005, -Infinity].map((value) => fixed(value, 3)), [
    "0.000",
    "0.000",
    "0.000",
    "-0.001",
    "-Infinity",
  ]);
});

Deno.test("percent() is one text for one share, however it was computed", () => {
  deepEqual([9 / 16, 0.5624999999999998, 0.5625000000000002, 0.5124999].map(percent), ["56.3", "56.3", "56.3", "51.2"]);
  deepEqual([0, 1, -0.00001, 1 / 3, 0.9996].map(percent), ["0.0", "100.0", "0.0", "33.3", "100.0"]);
});
