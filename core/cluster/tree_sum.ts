/**
 * Sums by one fixed binary tree: of S shards in order, neighbours are added, then neighbours of these sums, up to one. A
 * rank adds what lies within its own shards, the ranks add the rest, so the same S gives the same bits on any number of
 * ranks. @module
 */
import { isPowerOfTwo, type WireDtype } from "./transport.ts";

/** The smallest normal float32. */
const SMALLEST = 2 ** -126;

/**
 * One node of the tree: `into` += `from`, in float32. With bfloat16 both are rounded first, where they are, to nearest even: what is added
 * on another rank was rounded on its way, and the sum must not depend on where it was made. Nor must it on what a device
 * makes of numbers below the smallest normal one: they count as 0, before the sum and after it, as in the kernel
 * `add_gradients`.
 */
export function addNode(into: Float32Array, from: Float32Array, dtype: WireDtype): void {
  if (dtype === "bfloat16") {
    roundToBfloat16(into);
    roundToBfloat16(from);
  }
  for (let i = 0; i < into.length; i++) {
    // A NaN is not below the smallest either.
    const x = Math.abs(into[i]!) < SMALLEST ? 0 : into[i]!;
    const y = Math.abs(from[i]!) < SMALLEST ? 0 : from[i]!;
    const sum = x + y;
    into[i] = Math.abs(sum) < SMALLEST ? 0 : sum;
  }
}

/** Rounds numbers to bfloat16 where they are, those below the smallest normal one to 0. */
export function roundToBfloat16({ buffer, byteOffset, length }: Float32Array): void {
  const bits = new Uint32Array(buffer, byteOffset, length);
  for (let i = 0; i < length; i++) {
    const u = bits[i]!;
    const exponent = u & 0x7f800000;
    if (exponent === 0) bits[i] = 0;
    // The quiet bit keeps a NaN whose payload is in the dropped half from becoming infinity.
    else if ((u & 0x7fffffff) > 0x7f800000) bits[i] = (u | 0x400000) & 0xffff0000;
    else bits[i] = (u + 0x7fff + ((u >>> 16) & 1)) & 0xffff0000;
  }
}

/** How a rank sums its own shards, in buffers of any kind. */
export interface OwnShards<T> {
  /** How many there are, a power of two. */
  readonly count: number;
  /** Makes a buffer. It is called log2(count) + 1 times at most. */
  create(): T;
  /** Overwrites `buffer` with the values of a shard, numbered from 0 among the own. */
  compute(shard: number, buffer: T): Promise<void>;
  /** Does one node of the tree: `into` += `from`, which may be changed. */
  add(into: T, from: T): Promise<void>;
}

/** The sum of a rank's own shards, by the tree; one shard is as it was computed. Throws a RangeError for another count. */
export async function sumOwnShards<T>({ count, create, compute, add }: OwnShards<T>): Promise<T> {
  if (!isPowerOfTwo(count)) throw new RangeError(`Cannot sum ${count} shards, expected a power of two`);
  const free: T[] = [];
  // Sums that wait for their right neighbour, the largest first.
  const waiting: T[] = [];
  for (let shard = 0; shard < count; shard++) {
    const buffer = free.pop() ?? create();
    await compute(shard, buffer);
    waiting.push(buffer);
    // As many nodes are complete as the number of shards so far has factors of two.
    for (let done = shard + 1; done % 2 === 0; done /= 2) {
      const from = waiting.pop()!;
      await add(waiting.at(-1)!, from);
      free.push(from);
    }
  }
  return waiting[0]!;
}
