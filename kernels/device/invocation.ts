/** What WGSL needs to know of an invocation's place in its dispatch. @module */
import source from "./invocation.wgsl" with { type: "text" };
import type { SourcePart } from "./source.ts";

/** `Invocation` and `group_index`, for a grid that `grid` has folded. */
export const INVOCATION: SourcePart = { name: "kernels/device/invocation.wgsl", text: source };
