import { throws } from "node:assert/strict";
import { assertLinear } from "./linear_time.ts";

/** Does something `count` times. */
function spend(count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum = (sum * 31 + i) | 0;
  return sum;
}

Deno.test("assertLinear() tells linear from quadratic work", () => {
  assertLinear("a loop", 5_000_000, spend);
  assertLinear("little work", 10, (size) => spend(size * size));
  throws(
    () => assertLinear("a loop in a loop", 4_000, (size) => spend(size * size)),
    /a loop in a loop takes \d+ ms for/,
  );
});
