/** What the processes of a job ask of each other, whatever carries it. @module */
import type { DtypeName } from "../dtype.ts";

/** Types that numbers are sent in. */
export type WireDtype = Extract<DtypeName, "float32" | "bfloat16">;

/** Bytes of payload that a rank has exchanged. */
export interface TransportCounters {
  /** Bytes that it has sent. */
  sent: number;
  /** Bytes that it has received. */
  received: number;
}

/**
 * A rank's way to the others of its job. All ranks call the same functions in the same order with the same sizes, one at a
 * time: a call while another is under way throws a TypeError.
 *
 * Every wait has a deadline. Where a rank does not answer in time, or an exchange fails, the whole job is ended: the call
 * tells why in one line that names the rank and its host, and throws AbortedError where the process lives on.
 */
export interface Transport {
  /** Number of this rank, from 0. */
  readonly rank: number;
  /** How many ranks the job has. */
  readonly size: number;
  /** The rank's part of what is cut among all ranks, from 0: {@linkcode partOf}. */
  readonly part: number;
  /** The name of each rank's machine, in order of the ranks. */
  readonly hosts: readonly string[];
  /** Seconds that a rank waits for another one. */
  timeout: number;
  /** Bytes of payload so far. */
  readonly counters: Readonly<TransportCounters>;
  /**
   * Sums `values` [n] over the ranks, each element by the fixed binary tree of `core/cluster/tree_sum.ts` over the ranks in
   * their order. `bounds` [size + 1] are the elements at which the parts begin, and n. In this rank's own part `values`
   * holds the sum afterwards, elsewhere anything. Sends n − (own part) elements of `dtype` (default float32). Throws a
   * RangeError where the number of ranks is no power of two, or the bounds do not fit.
   */
  reduceScatter(values: Float32Array, bounds: readonly number[], dtype?: WireDtype): Promise<void>;
  /**
   * Fills `bytes` [n] of every rank: its own part holds its own bytes before, all parts those of all ranks afterwards.
   * `bounds` [size + 1] are the bytes at which the parts begin, and n; parts may be empty. Receives n − (own part) bytes.
   */
  allGather(bytes: Uint8Array, bounds: readonly number[]): Promise<void>;
  /** Fills `bytes` with those of rank `root`. */
  broadcast(bytes: Uint8Array, root: number): Promise<void>;
  /** Waits until all ranks are here. */
  barrier(): Promise<void>;
  /** Ends the whole job, all ranks, with this exit code, and tells why. */
  abort(code: number, why: string): Promise<never>;
  /** Waits for the others and leaves the job. */
  close(): Promise<void>;
}

/** Whether a number of ranks or shards is one that a binary tree takes whole. */
export function isPowerOfTwo(count: number): boolean {
  return Number.isInteger(count) && count > 0 && Math.log2(count) % 1 === 0;
}

/**
 * The part that a rank owns: with a power of two of ranks its number with the order of its bits reversed, else its number.
 * So the largest pieces go between ranks whose numbers are close, which a launcher puts on one machine.
 */
export function partOf(rank: number, size: number): number {
  if (!isPowerOfTwo(size)) return rank;
  let part = 0;
  for (let bit = 1; bit < size; bit *= 2) part = 2 * part + (rank & bit ? 1 : 0);
  return part;
}

/** Bounds [parts + 1] of `length` elements cut into parts as equal as multiples of `unit` elements can be. */
export function evenBounds(length: number, parts: number, unit = 1): number[] {
  const units = Math.ceil(length / unit);
  return Array.from({ length: parts + 1 }, (_, i) => Math.min(length, Math.floor(i * units / parts) * unit));
}
