import { deepEqual } from "node:assert/strict";
import { number, plainNumber, signed, whole } from "../../../core/report/format_numbers.ts";

Deno.test("number() has four digits, no zeros that tell nothing, and no minus before zero", () => {
  const cases: [value: number, text: string][] = [
    [0, "0"],
    [-0, "0"],
    [600, "600"],
    [1500, "1,500"],
    [12345.6, "12,346"],
    [999.96, "1000"],
    [-0.69314718, "−0.6931"],
    [0.00123456, "0.001235"],
    [0.00012345678, "1.23e-4"],
    [-0.00005, "−5e-5"],
    [2e-10, "2e-10"],
    [1.5e30, "1.5e+30"],
  ];
  deepEqual(cases.map(([value]) => number(value, false)), cases.map(([, text]) => text));
  deepEqual([0.5, -0.00001, 1].map((share) => number(share, true)), ["50.0 %", "0.0 %", "100.0 %"]);
});

Deno.test("plainNumber() has the minus of keyboards, which programs read", () => {
  deepEqual([-0.5, -3, -1e-5].map((value) => plainNumber(value, false)), ["-0.5000", "-3", "-1e-5"]);
});

Deno.test("signed() and whole() tell no digits that are not there", () => {
  deepEqual([0.0123456, -0.00001234, 0, -1234.5].map((value) => signed(value, false)), [
    "+0.0123",
    "−1.23e-5",
    "+0",
    "−1,234",
  ]);
  deepEqual([0.125, -0.00001].map((value) => signed(value, true)), ["+12.5", "+0.0"]);
  deepEqual([-1234567, -0.2].map(whole), ["−1,234,567", "0"]);
});
