import { deepEqual } from "node:assert/strict";
import { GPUS } from "../../../tools/gpu/gpus.ts";
import { brokenLimits } from "../../../tools/gpu/limits.ts";
import { GOOD } from "./_stats.ts";

function gpu(name: string) {
  return GPUS.find((gpu) => gpu.name === name)!;
}

const TILE = { name: "matmul shared128 NN f32 aVec bVec cVec", call: "" };

Deno.test("brokenLimits() tells spilled registers and scratch of every kernel", () => {
  for (const kernel of [TILE, { name: "rms_norm vec4", call: "" }, { name: "matmul broadcast 8x128", call: "tuned" }]) {
    for (const one of GPUS) deepEqual(brokenLimits(one, kernel, GOOD), []);
    deepEqual(brokenLimits(gpu("RX 7900"), kernel, { ...GOOD, spilled: 3, scratchBytes: 768 }), [
      "3 registers are spilled, expected 0",
      "768 bytes of scratch, expected 0",
    ]);
    // NVK counts no spills and no waves.
    const told = { ...GOOD, spilled: null, waves: null, scratchBytes: 16 };
    deepEqual(brokenLimits(gpu("RTX 3080"), kernel, told), ["16 bytes of scratch, expected 0"]);
  }
});

Deno.test("brokenLimits() tells too few waves of what does most of the work", () => {
  const few = (name: string, waves: number, kernel = TILE): string[] =>
    brokenLimits(gpu(name), kernel, { ...GOOD, waves });
  for (const name of ["RX 6800", "RX 7900"]) {
    deepEqual(few(name, 8), []);
    deepEqual(few(name, 7), ["7 waves, expected at least 8"]);
  }
  for (const name of ["Vega 64", "MI100"]) {
    deepEqual(few(name, 2), []);
    deepEqual(few(name, 1), ["1 waves, expected at least 2"]);
  }
  deepEqual(few("RX 9070", 4), []);
  deepEqual(few("RX 7900", 1, { name: "lm_head", call: "" }), []);
  deepEqual(few("RX 7900", 1, { name: "matmul broadcast 8x128 by 32 lanes NN f32", call: "tuned" }), []);
});

Deno.test("brokenLimits() holds attention to them with heads of 64 and 128 elements", () => {
  const spilling = { ...GOOD, spilled: 1, waves: 1 };
  const told = ["1 registers are spilled, expected 0", "1 waves, expected at least 8"];
  for (const name of ["attention", "attention_backward_key", "attention_decode"]) {
    for (const call of ["head size 64", "head size 128", "head size 128, 2 heads a key, f32 cache"]) {
      deepEqual(brokenLimits(gpu("RX 6800"), { name, call }, spilling), told);
    }
    for (const call of ["head size 12", "head size 256", "head size 640"]) {
      deepEqual(brokenLimits(gpu("RX 6800"), { name, call }, spilling), []);
    }
  }
  // Matrices of sums leave fewer waves.
  const name = "attention on matrices float16 of 16x16x16 by 32 lanes, 64 rows, head size 64, scale 0.125";
  deepEqual(brokenLimits(gpu("RX 7900"), { name, call: "head size 64" }, spilling), told.slice(0, 1));
});
