/** The versions of the programs that compile and choose kernels. @module */
import denoConfig from "../../deno.json" with { type: "json" };

/** Deno's version, which has the WebGPU and its compiler, and dnpo's own. */
export function versions(): Record<"deno" | "version", string> {
  return { deno: Deno.version.deno, version: denoConfig.version };
}
