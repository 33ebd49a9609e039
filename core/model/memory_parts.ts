/** Parts of the device's memory. Every buffer is allocated under one, so that a plan can tell them apart. @module */

/** A part of the device's memory. */
export type MemoryPart =
  | "weights"
  | "adapter"
  | "reference"
  | "judge"
  | "noise generator"
  | "gradients"
  | "moments"
  | "activations"
  | "KV cache"
  | "LM head";

/** All parts, in the order they are shown. */
export const MEMORY_PARTS = [
  "weights",
  "adapter",
  "reference",
  "judge",
  "noise generator",
  "gradients",
  "moments",
  "activations",
  "KV cache",
  "LM head",
] as const satisfies readonly MemoryPart[];
