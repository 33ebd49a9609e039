import { deepEqual } from "node:assert/strict";
import { number, signed, whole } from "../../../core/report/format_numbers.ts";

Deno.test("numbers of a report have a real minus, and none before a zero", () => {
  deepEqual([number(-0.25, true), number(-0.0001, true), number(-0, false), number(-1.5, false)], [
    "−25.0 %",
    "0.0 %",
    "0",
    "−1.500",
  ]);
  deepEqual([whole(-0.3), whole(-0), whole(-1500)], ["0", "0", "−1,500"]);
  deepEqual([signed(0.01, true), signed(-0.0001, true), signed(-0.01, true), signed(-0.5, false)], [
    "+1.0",
    "+0.0",
    "−1.0",
    "−0.500",
  ]);
});
