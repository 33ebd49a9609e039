import { equal } from "node:assert/strict";
import { largest, quote } from "../../core/values.ts";

Deno.test("largest() takes any number of items", () => {
  equal(largest([], (x: number) => x), -Infinity);
  equal(largest(["a", "ccc", "bb"], ({ length }) => length), 3);
  equal(largest(Array.from({ length: 300_000 }, (_, i) => i), (x) => x), 299_999);
});

Deno.test("quote() cuts long values", () => {
  equal(quote({ a: "b" }), '{"a":"b"}');
  equal(quote("x".repeat(100)), `"${"x".repeat(76)}...`);
});
