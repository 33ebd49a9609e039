/** Frozen models of the sizes and ways of holding that tests/core/model/frozen_model_test.ts leaves out. @module */
import { testFrozen } from "../core/model/_frozen_model.ts";

testFrozen("whole groups", "int8", "cpu");
testFrozen("odd columns", "BF16", "cpu");
for (const held of ["BF16", "F16", "int8", "int4", "nf4"] as const) testFrozen("whole groups", held, "gpu");
for (const held of ["BF16", "int8", "nf4"] as const) testFrozen("odd columns", held, "gpu");
