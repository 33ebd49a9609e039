import { deepEqual, equal } from "node:assert/strict";
import { rowName, rowsOf, tableOf } from "../../../tools/gpu/rows.ts";
import { GOOD } from "./_stats.ts";

Deno.test("rowName() leaves out what texts of a kernel differ in little", () => {
  const names: [name: string, call: string, row: string][] = [
    ["matmul shared128 NN f32 aVec bVec cVec", "", "matmul shared128"],
    ["matmul shared128 NT nf4 bVec cVec ragged", "", "matmul shared128, stored otherwise"],
    ["matmul broadcast 8x128 by 32 lanes NT f32 aVec", "tuned", "matmul broadcast 8x128 by 32 lanes"],
    [
      "matmul broadcast 8x256 by 64 lanes without subgroups NN bf16",
      "tuned",
      "matmul broadcast 8x256 by 64 lanes without subgroups, stored otherwise",
    ],
    ["matmul_reduce vec4", "tuned", "matmul_reduce"],
    ["rms_norm vec4", "", "rms_norm"],
    ["quantize int4 bf16", "", "quantize"],
    ["attention", "head size 64", "attention, head size 64"],
    ["attention_decode", "head size 128, 2 heads a key, f32 cache", "attention_decode, head size 128"],
  ];
  for (const [name, call, row] of names) equal(rowName({ name, call }), row);
});

Deno.test("rowsOf() has of each number the worst, and tableOf() leaves out what nothing is told of", () => {
  const kernel = (name: string, more: Partial<typeof GOOD>, broken: string[] = []) => ({
    name,
    call: "",
    label: name,
    stats: { ...GOOD, ...more },
    broken,
  });
  const rows = rowsOf([
    kernel("swiglu vec4", { registers: 24, waves: 32, codeBytes: 1000, cycles: null, scalarRegisters: null }),
    kernel("adamw", { cycles: null, scalarRegisters: null }),
    kernel("swiglu", { registers: 12, waves: 16, scratchBytes: 1024, cycles: null, scalarRegisters: null }, ["x"]),
  ]);
  deepEqual(rows.map(({ name, count, isOver }) => [name, count, isOver]), [["adamw", 1, false], ["swiglu", 2, true]]);
  equal(
    tableOf(rows),
    `| kernel | texts | lanes | registers | spilled | scratch, bytes | waves | code, bytes |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| adamw | 1 | 64 | 120 | 0 | 0 | 12 | 9,000 |
| **swiglu** | 2 | 64 | 24 | 0 | 1,024 | 16 | 9,000 |`,
  );
});
