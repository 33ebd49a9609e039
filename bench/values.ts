/** Inputs by formula, the same numbers here and in peers/torch_peer.py. @module */

/** A hash of index and seed, in [0, 2²⁴). */
function hash(index: number, seed: number): number {
  let x = Math.imul(index + Math.imul(seed, 7919), 0x9e3779b1);
  x ^= x >>> 15;
  return Math.imul(x, 0x85ebca6b) >>> 8;
}

/** `offset + scale · u`, u in [-0.5, 0.5) by index and seed. */
export function uniform(
  length: number,
  { seed, scale = 1, offset = 0 }: { seed: number; scale?: number; offset?: number },
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(length);
  for (let i = 0; i < length; i++) out[i] = offset + scale * (hash(i, seed) / 2 ** 24 - 0.5);
  return out;
}

/** Token ids in [3, vocab). */
export function tokenIds(length: number, { seed, vocab }: { seed: number; vocab: number }): number[] {
  return Array.from({ length }, (_, i) => 3 + hash(i, seed) % (vocab - 3));
}

/** `count` indices spread over [0, length). */
export function spread(length: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.floor((i + 0.5) * length / count));
}
