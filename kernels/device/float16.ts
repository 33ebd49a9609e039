/** The WGSL part that scales and rounds numbers for float16. @module */
import source from "./float16.wgsl" with { type: "text" };
import type { SourcePart } from "./source.ts";

/** Declares `power`, `eleven_bits` and `first_bits`. */
export const FLOAT16: SourcePart = { name: "kernels/device/float16.wgsl", text: source };
