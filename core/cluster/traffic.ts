/** How many bytes a rank sends in a collective, without running one: what its counters would say. @module */
import type { WireDtype } from "./transport.ts";

/** Bytes of an element on the wire. */
const ELEMENT_BYTES: Readonly<Record<WireDtype, number>> = { float32: 4, bfloat16: 2 };

/** Bytes that the owner of part `part` sends in a sum over ranks, `bounds` [ranks + 1] in elements: all but its own. */
export function summedBytes(bounds: readonly number[], part: number, dtype: WireDtype = "float32"): number {
  const own = bounds[part + 1]! - bounds[part]!;
  return (bounds.at(-1)! - own) * ELEMENT_BYTES[dtype];
}

/**
 * Bytes that the owner of part `part` sends where parts are gathered, `bounds` [ranks + 1] in bytes (with those in elements
 * it is elements). The ranks are a power of two: in each round a rank gives all that it has, which is twice as many parts
 * as in the round before.
 */
export function gatheredBytes(bounds: readonly number[], part: number): number {
  let sent = 0;
  for (let count = 1; count < bounds.length - 1; count *= 2) {
    const first = part - part % count;
    sent += bounds[first + count]! - bounds[first]!;
  }
  return sent;
}
