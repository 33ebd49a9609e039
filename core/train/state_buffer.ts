/** The buffers of a resume state, of which a rank may hold a part. @module */
import type { Slice } from "../../kernels/device/slice.ts";
import { chunkBounds, type Owner } from "./owned_slices.ts";

/** A buffer that a resumed run needs. */
export interface StateBuffer {
  /** Bytes of the whole. */
  readonly size: number;
  /** What this process holds of it; null: nothing. */
  readonly slice: Slice | null;
  /** The bytes [parts + 1] at which it is cut among the ranks; null: each rank holds the whole. */
  readonly bounds: readonly number[] | null;
}

/** The buffers by name, in the order they are written. */
export type StateBuffers = Readonly<Record<string, StateBuffer>>;

/** A buffer of which each rank holds the whole. */
export function wholeBuffer(slice: Slice): StateBuffer {
  return { size: slice.size, slice, bounds: null };
}

/** Buffers of which each rank holds the whole. */
export function wholeBuffers(slices: Readonly<Record<string, Slice>>): StateBuffers {
  return Object.fromEntries(Object.entries(slices).map(([name, slice]) => [name, wholeBuffer(slice)]));
}

/** A flat buffer of f32 of which each rank holds the elements that it owns. */
export function slicedBuffer(
  slice: Slice | null,
  { elements, owner: { parts } }: { elements: number; owner: Owner },
): StateBuffer {
  const size = 4 * elements;
  const bounds = parts === 1 ? null : chunkBounds(elements, parts).map((bound) => 4 * bound);
  return { size, slice, bounds };
}
