import { deepEqual } from "node:assert/strict";
import { meanOf } from "../../../core/evaluate/seed_means.ts";

Deno.test("meanOf() gives mean and standard error with n - 1, and no error of one value", () => {
  deepEqual(meanOf([1, 2, 3, 4, 5]), { mean: 3, stderr: Math.sqrt(2.5 / 5), n: 5 });
  deepEqual(meanOf([2]), { mean: 2, stderr: null, n: 1 });
});
