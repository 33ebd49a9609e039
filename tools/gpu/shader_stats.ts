/** What a driver tells of a compiled shader, in words that all drivers share. @module */
import type { Gpu } from "./gpus.ts";
import type { Compiled } from "./vulkan.ts";

/** A compiled shader, in numbers; null where the driver does not tell. */
export interface ShaderStats {
  /** Lanes that run together. */
  readonly lanes: number;
  /** Registers of a lane, of 32 bits (VGPRs, or NVIDIA's GPRs). */
  readonly registers: number;
  /** Registers that all lanes share (SGPRs). RDNA gives each shader 128. */
  readonly scalarRegisters: number | null;
  /** Registers of a lane that are kept in memory. */
  readonly spilled: number | null;
  /** Bytes of memory that stand in for registers, spilled ones and arrays: AMD's of a wave, NVIDIA's of a lane. */
  readonly scratchBytes: number;
  /** Bytes of workgroup memory. */
  readonly workgroupBytes: number | null;
  /** Waves that a SIMD holds at a time: RDNA's of 32 lanes (one of 64 counts twice), the others' of 64. */
  readonly waves: number | null;
  readonly codeBytes: number;
  readonly instructions: number;
  /** The compiler's estimate of the cycles that a wave takes from a SIMD, with as many waves as there are. */
  readonly cycles: number | null;
}

/** Reads a driver's own statistics. Throws Error where one is missing. */
export function statsOf({ driver }: Pick<Gpu, "driver">, { lanes, statistics }: Compiled): ShaderStats {
  const get = (name: string): number => {
    const value = statistics[name];
    if (value === undefined) {
      throw new Error(`Cannot read the driver's statistics: they are ${Object.keys(statistics)}, expected "${name}"`);
    }
    return value;
  };
  if (driver === "nouveau") {
    return {
      lanes,
      registers: get("Number of GPRs"),
      scalarRegisters: null,
      spilled: null,
      scratchBytes: get("SLM Size"),
      workgroupBytes: null,
      waves: null,
      codeBytes: get("Code Size"),
      instructions: get("Instruction count"),
      cycles: null,
    };
  }
  return {
    lanes,
    registers: get("VGPRs"),
    scalarRegisters: get("SGPRs"),
    spilled: get("Spilled VGPRs"),
    scratchBytes: get("Scratch size"),
    workgroupBytes: get("LDS size"),
    waves: get("Subgroups per SIMD"),
    codeBytes: get("Code size"),
    instructions: get("Instructions"),
    cycles: get("Inverse Throughput"),
  };
}
