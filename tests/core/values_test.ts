import { deepEqual, equal } from "node:assert/strict";
import { fixed, largest, quote } from "../../core/values.ts";

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
