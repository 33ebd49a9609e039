import { equal } from "node:assert/strict";
import { correlation } from "../../../core/evaluate/correlation.ts";
import { assertClose } from "../../_shared/assert_close.ts";

Deno.test("correlation() is Pearson's, whatever the units", () => {
  // Deviations −1.5, −0.5, 0.5, 1.5 and −1, 1, −1, 1: 2 / sqrt(5 · 4).
  assertClose(correlation([1, 2, 3, 4], [0, 2, 0, 2])!, 2 / Math.sqrt(20), { rtol: 1e-12 });
  assertClose(correlation([1, 2, 3], [30, 20, 10])!, -1, { rtol: 1e-12 });
});

Deno.test("correlation() is null where nothing varies", () => {
  equal(correlation([], []), null);
  equal(correlation([1], [2]), null);
  equal(correlation([0.1, 0.1, 0.1], [1, 0, 1]), null);
});
