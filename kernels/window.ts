/** Windows: ranges of rows of a buffer that is too large for one binding, or for the scratch of its results. @module */
import type { Device } from "./device/device.ts";
import { partAt, type Slice, SLICE_ALIGNMENT, subslice } from "./device/slice.ts";

/** A range of rows. */
export interface Window {
  readonly first: number;
  readonly rows: number;
}

/** Cuts rows into windows of `most` rows; the last one may be shorter. */
export function cutRows(rows: number, most: number): Window[] {
  return Array.from(
    { length: Math.ceil(rows / most) },
    (_, i) => ({ first: i * most, rows: Math.min(most, rows - i * most) }),
  );
}

/** How {@linkcode windows} cuts. */
export interface WindowOptions {
  /** Bytes of a row. */
  rowBytes: number;
  /** Windows start at multiples of this many rows (default 1). */
  multiple?: number;
  /** Most bytes of a window (default: the device's largest binding). */
  limit?: number;
  /** The slice that holds the rows, if it may lie in several buffers: no window lies in two. */
  of?: Slice;
}

/** Cuts rows into windows that each fit in a binding and start at an aligned byte. Throws RangeError if none can. */
export function windows(device: Device, rows: number, options: WindowOptions): Window[] {
  const { rowBytes, of } = options;
  if (!of?.parts) return cutPart(device, rows, options);
  let start = 0;
  return of.parts.flatMap(({ size }) => {
    const first = start;
    start = Math.min(rows, first + size / rowBytes);
    return cutPart(device, start - first, options).map((window) => ({ ...window, first: first + window.first }));
  });
}

function cutPart(
  device: Device,
  rows: number,
  { rowBytes, multiple = 1, limit = device.limits.maxStorageBufferBindingSize }: WindowOptions,
): Window[] {
  if (rows * rowBytes <= limit) return rows > 0 ? [{ first: 0, rows }] : [];
  let step = multiple;
  while (step * rowBytes % SLICE_ALIGNMENT !== 0) step *= 2;
  const most = Math.floor(limit / (step * rowBytes)) * step;
  if (most === 0) {
    throw new RangeError(
      `Cannot bind ${rows} rows of ${rowBytes} bytes: ${step} rows at a time exceed the device's ${limit} bytes a binding`,
    );
  }
  return cutRows(rows, most);
}

/** The part of `slice` that holds the rows of a window. */
export function windowOf(slice: Slice, { first, rows }: Window, rowBytes: number): Slice {
  return subslice(slice, first * rowBytes, rows * rowBytes);
}

/**
 * The slice from row `first` on, as far as `limit` bytes (default: the device's largest binding) and its buffer reach. Its size does
 * not depend on how many of its rows are used, so that one bind group serves every call.
 */
export function windowOn(
  device: Device,
  slice: Slice,
  { first, rowBytes, limit = device.limits.maxStorageBufferBindingSize }: {
    first: number;
    rowBytes: number;
    limit?: number;
  },
): Slice {
  const offset = first * rowBytes;
  const { part, start } = partAt(slice, offset);
  return subslice(slice, offset, Math.min(start + part.size - offset, limit));
}
