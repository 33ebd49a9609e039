import { deepEqual, equal } from "node:assert/strict";
import { innermostLoop } from "../../../tools/gpu/assembly.ts";
import { brokenMatrixLimits, matrixTable } from "../../../tools/gpu/matrix_kernels.ts";
import { GOOD } from "./_stats.ts";

const ASSEMBLY = `BB0:
	s_mov_b32 s0, 0                                             ; be800080
	v_wmma_f32_16x16x16_f16 v[8:15], v[0:7], v[0:7], v[8:15]    ; cc
BB1:
	v_mov_b32_e32 v1, v2                                        ; 7e02
BB2:
	buffer_load_b128 v[0:3], v4, s[0:3], 0 offen                ; e05c
	v_wmma_f32_16x16x16_f16 v[8:15], v[0:7], v[0:7], v[8:15]    ; cc
	s_cbranch_scc0 BB2                                          ; bfa1
BB3:
	s_cbranch_scc1 BB5                                          ; bfa2
	s_branch BB1                                                ; bfa0
BB5:
	v_mov_b32_e32 v1, v2                                        ; 7e02
	s_cbranch_scc0 BB5                                          ; bfa1
	s_endpgm                                                    ; bfb0
`;

Deno.test("innermostLoop() is the smallest loop that has such an instruction", () => {
  const loop = innermostLoop(ASSEMBLY, /^v_wmma/);
  deepEqual(loop?.instructions, ["buffer_load_b128", "v_wmma_f32_16x16x16_f16", "s_cbranch_scc0"]);
  equal(innermostLoop(ASSEMBLY, /^ds_load/), null);
  // Outside of a loop it does not count.
  equal(innermostLoop(ASSEMBLY.split("BB1:")[0]!, /^v_wmma/), null);
});

const KERNEL = {
  ...{ name: "matmul matrix128 float16 of 16x16x16 by 32 lanes, 4 steps cVec", call: "", label: "", stats: GOOD },
  ...{ loop: { matrix: 64, all: 261 }, flopPerCycle: 231, flopPerCycleInFull: 77 },
};

Deno.test("brokenMatrixLimits() tells a loop without matrix instructions, and too low a rate of the largest tile", () => {
  const { name } = KERNEL;
  deepEqual(brokenMatrixLimits(KERNEL), []);
  const slow = { ...KERNEL, flopPerCycle: 230 };
  deepEqual(brokenMatrixLimits(slow), ["2.99 times the rate of float32, expected at least 3"]);
  deepEqual(brokenMatrixLimits({ ...slow, name: name.replace("128", "64") }), []);
  const split = { ...slow, name: name.replace("float16", "float32x3") };
  deepEqual(brokenMatrixLimits(split), []);
  deepEqual(brokenMatrixLimits({ ...split, flopPerCycle: 76 }), [
    "0.99 times the rate of float32, expected at least 1",
  ]);
  deepEqual(brokenMatrixLimits({ ...KERNEL, name: "attention on matrices float16", flopPerCycle: null }), []);
  deepEqual(brokenMatrixLimits({ ...KERNEL, loop: { matrix: 0, all: 0 } }), [
    "no matrix instruction is in its innermost loop, expected some",
  ]);
});

Deno.test("matrixTable() has a row for each kernel, bold where it is over a limit", () => {
  const more = [{ ...KERNEL, name: "a", broken: [] }, { ...KERNEL, name: "n", flopPerCycle: null, broken: [] }];
  const [, , one, two, three] = matrixTable([{ ...KERNEL, broken: ["x"] }, ...more]).split("\n");
  equal(one, "| a | 120 | 0 | 0 | 12 | 9,000 | 14,000 | 64 of 261 | 231 | 3.00 |");
  equal(two!.split(" | ")[0], `| **${KERNEL.name}**`);
  equal(three, "| n | 120 | 0 | 0 | 12 | 9,000 | 14,000 | 64 of 261 |  |  |");
});
