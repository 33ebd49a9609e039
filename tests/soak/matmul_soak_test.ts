/** Products in the tiles that tests/kernels/matmul/matmul_test.ts leaves out: their texts take long to compile. @module */
import { bf16Cases, CASES, describe, PLACED, run } from "../kernels/matmul/_products.ts";

for (const mode of ["NN", "NT", "TN"] as const) {
  Deno.test(`matmul() ${mode} matches float64 in turned64`, async (t) => {
    for (const it of [...CASES, ...PLACED]) await t.step(describe(it), () => run(mode, it, { variant: "turned64" }));
  });

  Deno.test(`matmul() ${mode} matches float64 in shared128 at small sizes`, async (t) => {
    for (const it of CASES.slice(3)) await t.step(describe(it), () => run(mode, it, { variant: "shared128" }));
  });

  Deno.test(`matmul() ${mode} with places and a scale matches float64 in broadcast32`, async (t) => {
    for (const it of PLACED) await t.step(describe(it), () => run(mode, it, { variant: "broadcast32" }));
  });
}

for (const mode of ["NN", "NT"] as const) {
  for (const variant of ["broadcast32", "broadcast32image"] as const) {
    Deno.test(`matmul() ${mode} reads a bf16 b in ${variant}`, async (t) => {
      for (const it of bf16Cases(mode)) await t.step(describe(it), () => run(mode, it, { variant }));
    });
  }
}
