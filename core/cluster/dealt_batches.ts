/** Batches that are dealt out to the ranks, one after the other, and whose results come back in their order. @module */
import type { Crew, Task } from "./crew.ts";
import { generatorWork, inStep } from "./in_step.ts";

/** What a batch gave, as plain data, and the batch's place among all. */
export type DealtResult<T> = readonly [place: number, found: T];

/** What rank `rank` of `size` has of a list: every `size`-th item, from item `rank` on. */
export function ownShare<T>(items: readonly T[], { rank, size }: { rank: number; size: number }): T[] {
  return items.filter((_, i) => i % size === rank);
}

/**
 * Gives the others a task, computes this rank's batches with `own`, and yields all ranks' results in the order of the
 * batches. `own` yields one batch at a time, as it does on the other ranks, which call {@linkcode serveBatches}.
 */
export async function* dealBatches<T>(
  crew: Crew,
  task: Task,
  own: () => AsyncGenerator<DealtResult<T>>,
): AsyncGenerator<DealtResult<T>> {
  const all = crew.streaming(task, () => inStep(crew.transport, generatorWork(oneByOne(own()))));
  // All ranks do as many batches between two times, so that none of a later time comes before these.
  for await (const told of all) yield* told.toSorted(([a], [b]) => a - b);
}

/** The other ranks' side of {@linkcode dealBatches}. */
export async function serveBatches<T>(
  transport: Crew["transport"],
  own: AsyncGenerator<DealtResult<T>>,
): Promise<void> {
  for await (const _ of inStep(transport, generatorWork(oneByOne(own))));
}

/** Numbers of float32 as their bits: JSON has no infinity, and no NaN. */
export function toBits(values: Float32Array): number[] {
  return [...new Uint32Array(values.buffer, values.byteOffset, values.length)];
}

/** The reverse of {@linkcode toBits}. */
export function fromBits(bits: readonly number[]): Float32Array<ArrayBuffer> {
  return new Float32Array(Uint32Array.from(bits).buffer);
}

async function* oneByOne<T>(results: AsyncGenerator<T>): AsyncGenerator<T[]> {
  for await (const result of results) yield [result];
}
