/** How much memory this machine has free. @module */

/** Bytes of the system's memory that are free; undefined if that is not known. */
export function freeMemory(): number | undefined {
  try {
    return Deno.systemMemoryInfo().available;
  } catch {
    return undefined;
  }
}
