/** The WGSL part for an invocation's place in its dispatch. @module */
import source from "./invocation.wgsl" with { type: "text" };
import type { SourcePart } from "./source.ts";

/** Declares `Workgroup`, an argument of the entry point, and `group_index`, which undoes the folding of `grid`. */
export const INVOCATION: SourcePart = { name: "kernels/device/invocation.wgsl", text: source };
