/** Philox4x32-10 (Salmon et al. 2011) on the host; philox.wgsl is the same on the device. @module */
import source from "./philox.wgsl" with { type: "text" };
import type { SourcePart } from "../device/source.ts";

/** Declares the generator in WGSL. */
export const PHILOX: SourcePart = { name: "kernels/random/philox.wgsl", text: source };

/** Four u32: a counter, or the random words that belong to it. */
export type Words4 = readonly [number, number, number, number];

/** The four u32 words of `counter` under `key`, after ten rounds. */
export function philox4x32(counter: Words4, key: readonly [number, number]): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = mulHigh(0xd2511f53, c0);
    const low0 = Math.imul(0xd2511f53, c0);
    const high1 = mulHigh(0xcd9e8d57, c2);
    const low1 = Math.imul(0xcd9e8d57, c2);
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1 >>> 0;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0 >>> 0;
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** The number strictly between 0 and 1 of a u32: (x + 0.5) / 2^32. */
export function uniform(x: number): number {
  return (x + 0.5) / 4294967296;
}

/** Four standard normals of `counter` under `key` by Box–Muller, in float64. */
export function normal4(counter: Words4, key: readonly [number, number]): [number, number, number, number] {
  return boxMuller(philox4x32(counter, key));
}

/** Four standard normals of four u32 words: (radius of x0, angle of x1) and (radius of x2, angle of x3). */
export function boxMuller([x0, x1, x2, x3]: Words4): [number, number, number, number] {
  // log1p keeps the digits that u would lose next to 1.
  const r0 = Math.sqrt(-2 * Math.log1p(-(4294967295.5 - x0) / 4294967296));
  const r2 = Math.sqrt(-2 * Math.log1p(-(4294967295.5 - x2) / 4294967296));
  const a1 = 2 * Math.PI * uniform(x1);
  const a3 = 2 * Math.PI * uniform(x3);
  return [r0 * Math.cos(a1), r0 * Math.sin(a1), r2 * Math.cos(a3), r2 * Math.sin(a3)];
}

/** The upper 32 bits of a product of two u32; all parts stay below 2^53. */
function mulHigh(a: number, b: number): number {
  const low = (a & 0xffff) * b;
  const high = (a >>> 16) * b;
  return Math.floor((high + Math.floor(low / 65536)) / 65536);
}
