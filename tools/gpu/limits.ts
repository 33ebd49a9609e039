/** What a compiled kernel may take of a GPU. @module */
import type { PipelineText } from "../wgsl/stand_in_device.ts";
import type { Architecture, Gpu } from "./gpus.ts";
import type { ShaderStats } from "./shader_stats.ts";

/** A kernel's name, and what it was called with. */
export type Called = Pick<PipelineText, "name" | "call">;

/**
 * The least waves that hide what memory takes: of RDNA's 16 of 32 lanes, and of the 10 of 64 that Vega has. RDNA4 has no
 * limit, for without the hardware RADV counts its waves with RDNA2's number of registers.
 */
const LEAST_WAVES: Readonly<Partial<Record<Architecture, number>>> = { RDNA2: 8, RDNA3: 8, Vega: 2, CDNA: 2 };

/** The sizes that nearly all models have. */
const LIMITED_HEADS = /^head size (64|128)\b/;

/** Whether a kernel has limits: attention with other heads has none, and is in the table alone. */
export function hasLimits({ name, call }: Called): boolean {
  return !name.startsWith("attention") || LIMITED_HEADS.test(call);
}

/**
 * Whether a kernel does most of the work, so that waves matter: the tiles that a GPU takes, and attention. On matrix units
 * sums in registers and workgroup memory leave fewer.
 */
function isHeavy({ name, call }: Called): boolean {
  if (name.includes(" on matrices ")) return false;
  return name.startsWith("attention") ? LIMITED_HEADS.test(call) : /^matmul (shared|vector)/.test(name);
}

/** The limits that a kernel breaks on a GPU, each with what it is and what it should be; none if it keeps them. */
export function brokenLimits(gpu: Gpu, kernel: Called, stats: ShaderStats): string[] {
  if (!hasLimits(kernel)) return [];
  const broken: string[] = [];
  if (stats.spilled !== null && stats.spilled > 0) broken.push(`${stats.spilled} registers are spilled, expected 0`);
  if (stats.scratchBytes > 0) broken.push(`${stats.scratchBytes} bytes of scratch, expected 0`);
  const least = isHeavy(kernel) ? LEAST_WAVES[gpu.architecture] : undefined;
  if (least !== undefined && stats.waves !== null && stats.waves < least) {
    broken.push(`${stats.waves} waves, expected at least ${least}`);
  }
  return broken;
}
