import { deepEqual, equal, throws } from "node:assert/strict";
import { pairedDifference } from "../../../core/evaluate/paired_difference.ts";
import { assertClose } from "../../_shared/assert_close.ts";

Deno.test("pairedDifference() takes the error of the differences, and McNemar's test of zeros and ones", () => {
  // d is 1, 1, 0, -1, 1: mean 0.4, sum of squares about it 3.2.
  const { rows, difference, stderr, z, mcnemar } = pairedDifference([1, 1, 1, 0, 1], [0, 0, 1, 1, 0]);
  equal(rows, 5);
  assertClose(difference, 0.4, { rtol: 1e-12 });
  assertClose(stderr!, Math.sqrt(3.2 / 4 / 5), { rtol: 1e-12 });
  assertClose(z!, 0.4 / 0.4, { rtol: 1e-12 });
  // Of four documents that differ, three speak for the model: 2 · (1 + 4) / 16.
  assertClose(mcnemar!, 0.625, { rtol: 1e-12 });
});

Deno.test("pairedDifference() leaves out what is not known", () => {
  deepEqual(pairedDifference([1], [0]), { rows: 1, difference: 1, stderr: null, z: null, mcnemar: 1 });
  deepEqual(pairedDifference([0.5, 0.25], [0.25, 0]), { rows: 2, difference: 0.25, stderr: 0, z: null, mcnemar: null });
  throws(() => pairedDifference([], []), RangeError);
  throws(() => pairedDifference([1, 0], [1]), RangeError);
});
