/**
 * The matmul's scratch buffers: for the partial sums of blocks of k, and for products on matrix units those for each
 * operand in float16, and for the exponents of rows and columns and what undoes them. Each recorder has one of each kind.
 *
 * @module
 */
import type { Commands } from "../device/commands.ts";
import { scratchBuffer } from "../device/scratch.ts";
import type { Slice } from "../device/slice.ts";

/** The recorder's buffer for partial sums, of at least `bytes`. */
export function scratchOf(commands: Commands, bytes: number): Slice {
  return scratchBuffer(commands, { name: "matmul partial sums", bytes });
}

/** The recorder's buffer for the exponents of rows and columns, of at least `bytes`. */
export function exponentsOf(commands: Commands, bytes: number): Slice {
  return scratchBuffer(commands, { name: "matmul exponents", bytes });
}

/** The recorder's buffer for what undoes the scales of rows and columns, of at least `bytes`. */
export function powersOf(commands: Commands, bytes: number): Slice {
  return scratchBuffer(commands, { name: "matmul powers", bytes });
}

/** The recorder's buffer for an operand in float16, of at least `bytes`. */
export function halvesOf(commands: Commands, role: "a" | "b", bytes: number): Slice {
  return scratchBuffer(commands, { name: `matmul ${role} in float16`, bytes });
}
