/** The WGSL part for an invocation's place in its dispatch. @module */
import source from "./invocation.wgsl" with { type: "text" };
import type { SourcePart } from "./source.ts";

/** Declares `Invocation`, the entry point's argument, and `group_index`, which undoes the folding of `grid`. */
export const INVOCATION: SourcePart = { name: "kernels/device/invocation.wgsl", text: source };
