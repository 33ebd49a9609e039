/** A shader that keeps to all limits. @module */
import type { ShaderStats } from "../../../tools/gpu/shader_stats.ts";

export const GOOD: ShaderStats = {
  lanes: 64,
  registers: 120,
  scalarRegisters: 128,
  spilled: 0,
  scratchBytes: 0,
  workgroupBytes: 16_384,
  waves: 12,
  codeBytes: 9000,
  instructions: 1800,
  cycles: 14_000,
};
