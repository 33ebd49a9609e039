import { deepEqual, throws } from "node:assert/strict";
import { statsOf } from "../../../tools/gpu/shader_stats.ts";

Deno.test("statsOf() reads RADV's and NVK's statistics, and misses none silently", () => {
  const radv = {
    SGPRs: 128,
    VGPRs: 256,
    "Spilled SGPRs": 0,
    "Spilled VGPRs": 137,
    "Code size": 8332,
    "LDS size": 8192,
    "Scratch size": 35_072,
    "Subgroups per SIMD": 4,
    Instructions: 1592,
    "Inverse Throughput": 193_412,
  };
  deepEqual(statsOf({ driver: "radeon" }, { lanes: 64, statistics: radv }), {
    lanes: 64,
    registers: 256,
    scalarRegisters: 128,
    spilled: 137,
    scratchBytes: 35_072,
    workgroupBytes: 8192,
    waves: 4,
    codeBytes: 8332,
    instructions: 1592,
    cycles: 193_412,
  });
  const nvk = { "Instruction count": 7662, "Code Size": 122_592, "Number of GPRs": 255, "SLM Size": 1456 };
  deepEqual(statsOf({ driver: "nouveau" }, { lanes: 32, statistics: nvk }), {
    lanes: 32,
    registers: 255,
    scalarRegisters: null,
    spilled: null,
    scratchBytes: 1456,
    workgroupBytes: null,
    waves: null,
    codeBytes: 122_592,
    instructions: 7662,
    cycles: null,
  });
  throws(() => statsOf({ driver: "radeon" }, { lanes: 32, statistics: nvk }), /they are .*, expected "VGPRs"$/);
});
