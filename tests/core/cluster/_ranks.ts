/** Numbers for sums over ranks, and the tree's sum by its definition. @module */
import { deepStrictEqual } from "node:assert/strict";
import type { WireDtype } from "../../../core/cluster/transport.ts";
import { addNode } from "../../../core/cluster/tree_sum.ts";

/** A generator of numbers in [0, 1), the same for the same seed. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Values whose sum depends on the order: of both signs and of very different sizes. */
export function shardValues(shard: number, length: number, seed: number): Float32Array<ArrayBuffer> {
  const random = randomNumbers(seed * 65537 + shard);
  return Float32Array.from({ length }, () => (random() - 0.5) * 2 ** Math.floor(random() * 40 - 20));
}

/** The sum of all shards by the tree, from its definition. */
export function treeSum(shards: readonly Float32Array[], dtype: WireDtype): Float32Array {
  if (shards.length === 1) return shards[0]!.slice();
  const half = shards.length / 2;
  const sum = treeSum(shards.slice(0, half), dtype);
  addNode(sum, treeSum(shards.slice(half), dtype), dtype);
  return sum;
}

/** Throws unless two arrays have the same bits. */
export function sameBits(actual: Float32Array, expected: Float32Array, where: string): void {
  const bits = (values: Float32Array): Uint32Array => new Uint32Array(values.slice().buffer);
  deepStrictEqual(bits(actual), bits(expected), where);
}
